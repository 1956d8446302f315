#include "server/services/call_runner.h"

#include <algorithm>
#include <utility>

namespace trivet {

class CallRunner::RunnerLane final : public Lane {
 public:
  explicit RunnerLane(CallRunner& runner) : runner_(runner) {}

 private:
  void wake() override {
    const std::lock_guard lock(runner_.mutex_);
    runner_.has_work_ = true;
    if (!runner_.thread_.joinable() && !runner_.stopping_) {
      runner_.thread_ = std::thread([runner = &runner_] { runner->run(); });
    }
    runner_.woken_.notify_one();
  }
  CallRunner& runner_;
};

// A call with the engine. Runner's thread.
class CallRunner::Running final : public OutputReceiver {
 public:
  Running(CallRunner& runner, uint64_t number, DetachedCall detached)
      : runner_(runner), number_(number), detached_(std::move(detached)) {}

  void start() {
    const EngineAccess access{.bridge = runner_.bridge_,
                              .engine = *runner_.engine_,
                              .metrics = runner_.metrics_,
                              .keys = runner_.keys_};
    live_ = std::make_unique<LiveCall>(access, runner_.lane_, *this, std::move(detached_.call),
                                       detached_.ticket.get(), detached_.added_priority);
    const Result<void> submitted = live_->submit(detached_.deadline);
    if (submitted) return detached_.on_start();
    end(CallEnd::kFailed, &submitted.error());
  }

  void cancel() {
    if (ended_) return;
    live_->cancel();
    end(CallEnd::kCancelled, nullptr);
  }

  void take_output(const RequestOutput& output, TimePoint delivered) override {
    if (ended_) return;
    const std::string bytes = live_->take(output, delivered);
    if (!bytes.empty()) detached_.on_bytes(bytes);
    if (live_->failure() != nullptr) {
      live_->cancel();
      return end(CallEnd::kFailed, nullptr);
    }
    if (live_->done()) end(CallEnd::kDone, nullptr);
  }
  void end_batch() override {}

 private:
  void end(CallEnd how, const Error* refusal) {
    ended_ = true;
    runner_.ended_.push_back(number_);
    settle(refusal != nullptr);
    detached_.on_end(live_->call(), how, refusal);
  }

  // What an answer that ended early and came in one piece has used is not known: all that was
  // reserved counts.
  void settle(bool refused) {
    if (detached_.ticket == nullptr) return;
    const RequestUsage usage = live_->usage();
    if (refused) {
      detached_.ticket->settle(0, 0);
    } else if (live_->usage_is_known()) {
      detached_.ticket->settle(usage.prompt_tokens, usage.completion_tokens);
    }
    detached_.ticket.reset();
  }

  CallRunner& runner_;
  const uint64_t number_;
  DetachedCall detached_;
  std::unique_ptr<LiveCall> live_;
  bool ended_ = false;
};

CallRunner::CallRunner(EngineBridge& bridge, Metrics* metrics, KeyGuard* keys)
    : bridge_(bridge), metrics_(metrics), keys_(keys), lane_(std::make_shared<RunnerLane>(*this)) {}

CallRunner::~CallRunner() { stop(); }

void CallRunner::post(std::function<void()> task) { lane_->post(std::move(task)); }

void CallRunner::post_after(Duration delay, std::function<void()> task) {
  {
    const std::lock_guard lock(mutex_);
    timers_.push_back({SteadyClock().now() + delay, std::move(task)});
  }
  post([] {});  // looks at the timers anew
}

void CallRunner::attach(Engine& engine) {
  const std::lock_guard lock(mutex_);
  engine_ = &engine;
}

void CallRunner::stop() {
  lane_->close();
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    woken_.notify_one();
  }
  if (thread_.joinable()) thread_.join();
  calls_.clear();
  timers_.clear();
}

uint64_t CallRunner::start(DetachedCall call) {
  const uint64_t number = next_number_++;
  Running& running =
      *calls_.emplace(number, std::make_unique<Running>(*this, number, std::move(call)))
           .first->second;
  running.start();
  return number;
}

void CallRunner::cancel(uint64_t number) {
  const auto found = calls_.find(number);
  if (found != calls_.end()) found->second->cancel();
}

void CallRunner::reap() {
  // Their ends may start and end others.
  for (const uint64_t number : std::exchange(ended_, {})) calls_.erase(number);
}

std::vector<std::function<void()>> CallRunner::take_due() {
  std::vector<std::function<void()>> tasks;
  const TimePoint now = SteadyClock().now();
  for (Timer& timer : timers_) {
    if (timer.due <= now) tasks.push_back(std::move(timer.task));
  }
  std::erase_if(timers_, [&](const Timer& timer) { return timer.due <= now; });
  return tasks;
}

void CallRunner::run() {
  for (;;) {
    std::vector<std::function<void()>> due;
    {
      std::unique_lock lock(mutex_);
      const auto soonest =
          std::min_element(timers_.begin(), timers_.end(),
                           [](const Timer& a, const Timer& b) { return a.due < b.due; });
      const auto ready = [this] { return has_work_ || stopping_; };
      if (soonest == timers_.end()) {
        woken_.wait(lock, ready);
      } else {
        woken_.wait_until(lock, TimePoint(soonest->due), ready);
      }
      if (stopping_) return;
      has_work_ = false;
      due = take_due();
    }
    for (const auto& task : due) task();
    lane_->run_inbox();
    reap();
  }
}

}  // namespace trivet
