// Models that clients let the server fetch.
#ifndef TRIVET_SERVER_SERVICES_MODEL_PULLS_H_
#define TRIVET_SERVER_SERVICES_MODEL_PULLS_H_

#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "base/result.h"
#include "server/services/event_log.h"
#include "weights/model_store.h"

namespace trivet {

// Each pull has a thread of its own, which ends with it, and any number of clients that watch it.
// It is stopped when the last of them leaves, and goes on where it was when the model is asked for
// again. Thread-safe.
class ModelPulls {
 public:
  static constexpr size_t kMaxPulls = 2;  // at once

  explicit ModelPulls(StoreOptions store) : store_(std::move(store)) {}
  ~ModelPulls() { stop(); }

  const ModelStore& store() const { return store_; }

  // Joins the pull of the same spec if there is one. Streamed: the progress as lines of the Ollama
  // API, at last {"status": "success"} or {"error"}. Else: one of these two, at the end. Cancelling
  // the log takes this client off. kResourceExhausted: enough pulls run already.
  Result<std::shared_ptr<EventLog>> start(const std::string& spec, bool streamed);
  // Stops all of them and waits for them; those who watch are told. None begins from now on.
  void stop();

 private:
  class Pull;
  void drop_ended();

  const ModelStore store_;
  std::mutex mutex_;
  std::list<std::pair<std::shared_ptr<Pull>, std::thread>> pulls_;
  bool stopped_ = false;
};

}  // namespace trivet

#endif  // TRIVET_SERVER_SERVICES_MODEL_PULLS_H_
