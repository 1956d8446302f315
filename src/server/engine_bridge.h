// Carries engine outputs from the engine thread to the I/O threads that asked for them.
#ifndef TRIVET_SERVER_ENGINE_BRIDGE_H_
#define TRIVET_SERVER_ENGINE_BRIDGE_H_

#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "engine/engine.h"

namespace trivet {

class Lane;

// The engine's sink. Exists before the engine and outlives it. Thread-safe. deliver() never blocks
// on anything but two short locks and wakes each I/O thread at most once per step.
class EngineBridge final : public OutputSink {
 public:
  EngineBridge() = default;
  EngineBridge(const EngineBridge&) = delete;
  EngineBridge& operator=(const EngineBridge&) = delete;

  // Engine thread. Outputs of unknown requests are dropped; a finished request is forgotten.
  void deliver(std::vector<RequestOutput> outputs) override;

  // Outputs of this request go to `lane`, until it has finished. False if the id is in use.
  bool claim(const std::string& request_id, std::shared_ptr<Lane> lane);
  // The request was not accepted by the engine: nothing will come.
  void release(const std::string& request_id);
  size_t live_requests() const;

 private:
  mutable std::mutex mutex_;
  std::unordered_map<std::string, std::shared_ptr<Lane>> lanes_;
};

}  // namespace trivet

#endif  // TRIVET_SERVER_ENGINE_BRIDGE_H_
