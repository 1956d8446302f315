// What lives as long as the server and belongs to no connection.
#ifndef TRIVET_SERVER_SERVICES_SERVICES_H_
#define TRIVET_SERVER_SERVICES_SERVICES_H_

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "server/route.h"
#include "server/server.h"
#include "server/services/call_runner.h"
#include "server/services/event_log.h"
#include "server/services/log_shelf.h"
#include "state/state_folder.h"

namespace trivet {

class BatchService;
class ModelPulls;
class ResponseService;

// Thread-safe. Takes no thread and no disk before it is used.
class Services {
 public:
  Services(const ServerOptions& options, EngineBridge& bridge, Metrics& metrics, KeyGuard& keys,
           const Clock& clock);
  ~Services();  // stop()

  // Goes on with what the state folder says was under way. Both must outlive stop().
  void attach(Engine& engine, const ServedModel& model);
  // Before the engine drains: background work stops where it is and goes on after the next start.
  void suspend();
  void stop();

  CallRunner& runner() { return runner_; }
  KeyGuard& keys() { return keys_; }
  ResponseService& responses() { return *responses_; }
  BatchService& batches() { return *batches_; }
  ModelPulls& pulls() { return *pulls_; }
  // Opened by the first call that can.
  Result<StateFolder*> state();
  StateFolder* state_if_open();  // null if nobody has asked for it

  // Runs a call that outlives its client. Resumable: its events are numbered, and stream() finds
  // them.
  FeedCall detach(std::unique_ptr<GenerationCall> call, std::unique_ptr<KeyTicket> ticket,
                  const std::string& tenant, bool resumable, TimePoint deadline);
  // Null: none of that id.
  std::shared_ptr<EventLog> stream(const std::string& tenant, const std::string& id);
  void forget_stream(const std::string& tenant, const std::string& id);

  // --- idempotency keys ---
  struct Key {
    std::string_view tenant, path, key, body;
  };
  // The duty of the first request with a key: the answer, for those who wait for it. Unless
  // settled, they are told to try again.
  class KeyedAnswer {
   public:
    KeyedAnswer(LogShelf& shelf, std::string key, std::shared_ptr<EventLog> log)
        : shelf_(shelf), key_(std::move(key)), log_(std::move(log)) {}
    ~KeyedAnswer();
    KeyedAnswer(const KeyedAnswer&) = delete;
    KeyedAnswer& operator=(const KeyedAnswer&) = delete;
    // Whoever waits gets it; later requests only if it is a success.
    void settle(const HttpResponse& response);
    // The answer will be in that log.
    void settle(const std::shared_ptr<EventLog>& log);

   private:
    LogShelf& shelf_;
    const std::string key_;
    std::shared_ptr<EventLog> log_;  // null = settled
  };
  // One of the three.
  struct KeyUse {
    std::optional<HttpResponse>
        refusal;  // the key was used with another body, or there are too many
    std::shared_ptr<EventLog> earlier;
    std::unique_ptr<KeyedAnswer> first;
  };
  KeyUse use_key(const Key& key);

 private:
  void sweep_forever();
  void begin_sweeping();

  const ServerOptions& options_;
  KeyGuard& keys_;
  CallRunner runner_;
  LogShelf streams_;
  LogShelf keyed_;
  std::once_flag sweeping_;

  std::mutex state_mutex_;
  std::unique_ptr<StateFolder> state_;
  std::unique_ptr<ResponseService> responses_;
  std::unique_ptr<BatchService> batches_;
  const std::unique_ptr<ModelPulls> pulls_;
};

}  // namespace trivet

#endif  // TRIVET_SERVER_SERVICES_SERVICES_H_
