// The engine's thread, and the doors to it.
#include "engine/engine.h"

#include <algorithm>
#include <condition_variable>
#include <functional>
#include <iterator>
#include <mutex>
#include <thread>
#include <utility>

#include "engine/answer_budget.h"
#include "engine/engine_core.h"
#include "engine/live_names.h"

namespace trivet {
namespace {

Error shutting_down() {
  return Error(ErrorCode::kUnavailable,
               "The server is shutting down; send the request again later.");
}

class ThreadedEngine final : public Engine {
 public:
  ThreadedEngine(std::unique_ptr<EngineCore> core, std::unique_ptr<Clock> own_clock,
                 const Clock& clock, const EngineOptions& options, OutputSink& sink)
      : own_clock_(std::move(own_clock)),
        clock_(&clock),
        max_queued_(static_cast<size_t>(options.max_queued_requests)),
        sink_(&sink),
        core_(std::move(core)),
        answers_(options.max_answer_bytes),
        stats_(core_->stats()),
        thread_([this] { run(); }) {}

  ~ThreadedEngine() override {
    {
      std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_one();
    thread_.join();
  }

  Result<void> submit(EngineRequest request) override {
    TRIVET_RETURN_IF_ERROR(core_->check(request));
    const uint64_t answer_bytes = core_->worst_answer_bytes(request);
    TimePoint now = clock_->now();
    {
      std::lock_guard lock(mutex_);
      if (draining_ || stopping_) return shutting_down();
      if (waiting_ + inbox_.size() >= max_queued_) {
        return Error(ErrorCode::kResourceExhausted,
                     "The queue is full: " + std::to_string(max_queued_) +
                         " requests are waiting. Send the request again later.");
      }
      if (live_.contains(request.id)) {
        return Error(ErrorCode::kAlreadyExists,
                     "A request with the id '" + request.id + "' is already running.");
      }
      TRIVET_RETURN_IF_ERROR(answers_.reserve(request.id, answer_bytes));
      live_.insert(request);
      ++undelivered_;
      inbox_.push_back({std::move(request), now});
    }
    wake_.notify_one();
    return {};
  }

  void cancel(const std::string& id) override {
    {
      std::lock_guard lock(mutex_);
      if (!live_.contains(id)) return;
      cancels_.push_back(id);
    }
    wake_.notify_one();
  }

  int abort(const std::vector<std::string>& calls, const std::string* tenant) override {
    std::vector<std::string> ids;
    {
      std::lock_guard lock(mutex_);
      ids = live_.of_calls(calls, tenant);
      cancels_.insert(cancels_.end(), ids.begin(), ids.end());
    }
    wake_.notify_one();
    return static_cast<int>(ids.size());
  }

  EngineStats stats() const override {
    std::lock_guard lock(mutex_);
    EngineStats stats = stats_;
    stats.waiting = static_cast<int>(waiting_ + inbox_.size());
    stats.resting = rest_.wanted != EngineRest::kNone;
    return stats;
  }

  int drain(TimePoint deadline) override {
    std::unique_lock lock(mutex_);
    draining_ = true;
    if (rest_.wanted != EngineRest::kNone) deadline = clock_->now();
    if (idle_.wait_until(lock, deadline, [this] { return undelivered_ == 0; })) return 0;
    int left = static_cast<int>(live_.size());
    aborting_ = true;
    wake_.notify_one();
    idle_.wait(lock, [this] { return undelivered_ == 0; });
    return left;
  }

  void rest(EngineRest wanted, LiveRequests live) override {
    {
      std::lock_guard lock(mutex_);
      rest_.wanted = wanted;
      rest_.error.reset();
      rest_live_ = live;
      rest_changed_ = true;
    }
    wake_.notify_one();
  }

  RestState rest_state() const override {
    std::lock_guard lock(mutex_);
    return rest_;
  }

  void forget_prefixes() override {
    {
      std::lock_guard lock(mutex_);
      forget_prefixes_ = true;
    }
    wake_.notify_one();
  }

 private:
  // How often deadlines are looked at while nothing else happens.
  static constexpr Duration kRestingInterval = std::chrono::milliseconds(50);

  struct Arrival {
    EngineRequest request;
    TimePoint time;
  };
  struct Commands {
    std::vector<Arrival> arrivals;
    std::vector<std::string> cancels;
    bool cancel_all = false;
    bool forget_prefixes = false;
    bool abort = false;
    bool stop = false;
    EngineRest rest = EngineRest::kNone;
    LiveRequests live = LiveRequests::kKeep;
  };

  void run() {
    Commands commands;
    do {
      wait_for(&commands);
      for (auto& [request, time] : commands.arrivals) core_->add(std::move(request), time);
      for (const auto& id : commands.cancels) core_->cancel(id);
      if (commands.cancel_all) core_->cancel_all();
      if (commands.abort || commands.stop) core_->abort_all(shutting_down());
      if (commands.forget_prefixes) core_->forget_prefixes();
      const bool works = settle_rest(commands.rest, commands.live);
      if (core_->has_work()) publish(works ? core_->step() : core_->rest());
    } while (!commands.stop);
  }

  // Engine thread: goes to rest or back to work, as far as it can. True: steps may be made.
  bool settle_rest(EngineRest wanted, LiveRequests live) {
    if (wanted != EngineRest::kAsleep && !has_memory_) {
      const auto acquired = core_->acquire_memory();
      if (!acquired) return stay_asleep(acquired.error()), false;
      has_memory_ = true;
    }
    if (wanted == EngineRest::kNone) return note_rest(wanted), true;
    if (live == LiveRequests::kFinish && has_memory_ && core_->has_work()) return true;
    if (wanted == EngineRest::kAsleep && has_memory_) {
      core_->release_memory();
      has_memory_ = false;
    }
    return note_rest(wanted), false;
  }

  void note_rest(EngineRest reached) {
    std::lock_guard lock(mutex_);
    rest_.reached = reached;
  }

  void stay_asleep(const Error& why) {
    std::lock_guard lock(mutex_);
    rest_.wanted = rest_.reached = EngineRest::kAsleep;
    rest_live_ = LiveRequests::kKeep;
    rest_.error = why;
  }

  bool rests() const { return rest_.wanted != EngineRest::kNone; }

  // Something for the engine thread to do.
  bool is_due() const {
    if (stopping_ || aborting_ || rest_changed_ || forget_prefixes_ || !cancels_.empty())
      return true;
    if (rest_.wanted != rest_.reached) return true;
    return !rests() && (core_->has_work() || !inbox_.empty());
  }

  // Sleeps while there is nothing to do; takes what was asked for.
  void wait_for(Commands* commands) {
    commands->arrivals.clear();
    commands->cancels.clear();
    std::unique_lock lock(mutex_);
    const auto due = [this] { return is_due(); };
    if (rests() && (core_->has_work() || !inbox_.empty())) {
      wake_.wait_for(lock, kRestingInterval, due);
    } else {
      wake_.wait(lock, due);
    }
    std::swap(commands->cancels, cancels_);
    commands->abort = std::exchange(aborting_, false);
    commands->stop = stopping_;
    commands->forget_prefixes = std::exchange(forget_prefixes_, false);
    commands->rest = rest_.wanted;
    commands->live = rest_live_;
    commands->cancel_all =
        std::exchange(rest_changed_, false) && rests() && rest_live_ == LiveRequests::kAbort;
    const bool ends_all = commands->abort || commands->stop || commands->cancel_all;
    take_arrivals(commands, rests() && !ends_all);
    waiting_ += commands->arrivals.size();
  }

  // `only_ending`: those alone that are cancelled or out of time; the others wait on.
  void take_arrivals(Commands* commands, bool only_ending) {
    if (!only_ending) return std::swap(commands->arrivals, inbox_);
    const TimePoint now = clock_->now();
    const auto ends = [&](const Arrival& arrival) {
      const auto& [request, time] = arrival;
      return (request.deadline && *request.deadline <= now) ||
             std::ranges::find(commands->cancels, request.id) != commands->cancels.end();
    };
    const auto first = std::stable_partition(inbox_.begin(), inbox_.end(), std::not_fn(ends));
    std::move(first, inbox_.end(), std::back_inserter(commands->arrivals));
    inbox_.erase(first, inbox_.end());
  }

  void publish(std::vector<RequestOutput> outputs) {
    size_t finished = 0;
    {
      std::lock_guard lock(mutex_);
      stats_ = core_->stats();
      waiting_ = static_cast<size_t>(core_->num_waiting());
      for (const auto& output : outputs) {
        if (!output.finished) continue;
        live_.erase(output.request_id);
        answers_.release(output.request_id);
        ++finished;
      }
    }
    if (!outputs.empty()) sink_->deliver(std::move(outputs));
    if (finished == 0) return;
    std::lock_guard lock(mutex_);
    undelivered_ -= finished;
    if (undelivered_ == 0) idle_.notify_all();
  }

  const std::unique_ptr<Clock> own_clock_;
  const Clock* const clock_;
  const size_t max_queued_;
  OutputSink* const sink_;
  const std::unique_ptr<EngineCore> core_;  // the engine thread's, except check()

  mutable std::mutex mutex_;      // of all below but the thread
  std::condition_variable wake_;  // the engine thread has something to do
  std::condition_variable idle_;  // everything has been delivered
  std::vector<Arrival> inbox_;
  std::vector<std::string> cancels_;
  LiveNames live_;
  AnswerBudget answers_;
  size_t waiting_ = 0;      // in the scheduler's queue, and what came since its last plan
  size_t undelivered_ = 0;  // requests whose last output has not been delivered
  bool draining_ = false, aborting_ = false, stopping_ = false;
  EngineStats stats_;
  RestState rest_;
  LiveRequests rest_live_ = LiveRequests::kKeep;
  bool rest_changed_ = false, forget_prefixes_ = false;

  bool has_memory_ = true;  // the engine thread's

  std::thread thread_;
};

}  // namespace

Result<std::unique_ptr<Engine>> Engine::create(const EngineOptions& options, ModelRunner& runner,
                                               const Tokenizer& tokenizer,
                                               std::vector<TokenId> end_tokens, OutputSink& sink,
                                               EngineObserver* observer, const Clock* clock) {
  std::unique_ptr<Clock> own_clock;
  if (clock == nullptr) {
    own_clock = std::make_unique<SteadyClock>();
    clock = own_clock.get();
  }
  TRIVET_ASSIGN_OR_RETURN(auto core, EngineCore::create(options, runner, tokenizer,
                                                        std::move(end_tokens), *clock, observer));
  return std::unique_ptr<Engine>(std::make_unique<ThreadedEngine>(
      std::move(core), std::move(own_clock), *clock, options, sink));
}

}  // namespace trivet
