// Runs generation calls that belong to no connection.
#ifndef TRIVET_SERVER_SERVICES_CALL_RUNNER_H_
#define TRIVET_SERVER_SERVICES_CALL_RUNNER_H_

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "api/call.h"
#include "server/lane.h"
#include "server/live_call.h"

namespace trivet {

enum class CallEnd { kDone, kFailed, kCancelled };

// A call and who hears of it. The functions run on the runner's thread.
struct DetachedCall {
  std::unique_ptr<GenerationCall> call;
  std::unique_ptr<KeyTicket> ticket = nullptr;  // of the key behind it; held to the end
  TimePoint deadline{};
  int added_priority = 0;                  // to those of its requests; larger = later
  std::function<void()> on_start = [] {};  // the engine has accepted it
  std::function<void(const std::string& bytes)> on_bytes = [](const std::string&) {
  };  // of a stream
  // Once, last. `error`: with kFailed; `submitted`: false if the engine did not take it.
  std::function<void(GenerationCall& call, CallEnd end, const Error* refusal)> on_end;
};

// One thread that takes the outputs of all its calls, and whatever work is posted to it.
class CallRunner {
 public:
  // `keys`: not null if calls have tickets.
  explicit CallRunner(EngineBridge& bridge, Metrics* metrics = nullptr, KeyGuard* keys = nullptr);
  ~CallRunner();  // stop()

  // Thread-safe. The thread begins with the first task.
  void post(std::function<void()> task);
  void post_after(Duration delay, std::function<void()> task);
  // From now on calls can start. The engine outlives stop().
  void attach(Engine& engine);
  // Ends the thread; calls that still run are cancelled without a word, tasks are dropped.
  void stop();

  // --- on its thread ---
  // Returns the number of the call. on_end may come at once if the engine does not take it.
  uint64_t start(DetachedCall call);
  // on_end comes with kCancelled, unless the call has ended.
  void cancel(uint64_t number);
  size_t running() const { return calls_.size(); }

 private:
  class Running;
  class RunnerLane;
  struct Timer {
    TimePoint due;
    std::function<void()> task;
  };
  void run();
  void reap();
  std::vector<std::function<void()>> take_due();

  EngineBridge& bridge_;
  Metrics* const metrics_;
  KeyGuard* const keys_;
  Engine* engine_ = nullptr;
  std::shared_ptr<RunnerLane> lane_;

  std::mutex mutex_;
  std::condition_variable woken_;
  bool has_work_ = false, stopping_ = false;
  std::vector<Timer> timers_;
  std::thread thread_;

  uint64_t next_number_ = 1;
  std::unordered_map<uint64_t, std::unique_ptr<Running>> calls_;
  std::vector<uint64_t> ended_;  // to be destroyed when no output is under way
};

}  // namespace trivet

#endif  // TRIVET_SERVER_SERVICES_CALL_RUNNER_H_
