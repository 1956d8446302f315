// The engine's thread, and the doors to it.
#include "engine/engine.h"

#include <condition_variable>
#include <mutex>
#include <thread>
#include <unordered_set>
#include <utility>

#include "engine/answer_budget.h"
#include "engine/engine_core.h"

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
      if (live_ids_.contains(request.id)) {
        return Error(ErrorCode::kAlreadyExists,
                     "A request with the id '" + request.id + "' is already running.");
      }
      TRIVET_RETURN_IF_ERROR(answers_.reserve(request.id, answer_bytes));
      live_ids_.insert(request.id);
      ++undelivered_;
      inbox_.push_back({std::move(request), now});
    }
    wake_.notify_one();
    return {};
  }

  void cancel(const std::string& id) override {
    {
      std::lock_guard lock(mutex_);
      if (!live_ids_.contains(id)) return;
      cancels_.push_back(id);
    }
    wake_.notify_one();
  }

  EngineStats stats() const override {
    std::lock_guard lock(mutex_);
    EngineStats stats = stats_;
    stats.waiting = static_cast<int>(waiting_ + inbox_.size());
    return stats;
  }

  int drain(TimePoint deadline) override {
    std::unique_lock lock(mutex_);
    draining_ = true;
    if (idle_.wait_until(lock, deadline, [this] { return undelivered_ == 0; })) return 0;
    int left = static_cast<int>(live_ids_.size());
    aborting_ = true;
    wake_.notify_one();
    idle_.wait(lock, [this] { return undelivered_ == 0; });
    return left;
  }

 private:
  struct Arrival {
    EngineRequest request;
    TimePoint time;
  };
  struct Commands {
    std::vector<Arrival> arrivals;
    std::vector<std::string> cancels;
    bool abort = false;
    bool stop = false;
  };

  void run() {
    Commands commands;
    do {
      wait_for(&commands);
      for (auto& [request, time] : commands.arrivals) core_->add(std::move(request), time);
      for (const auto& id : commands.cancels) core_->cancel(id);
      if (commands.abort || commands.stop) core_->abort_all(shutting_down());
      if (core_->has_work()) publish(core_->step());
    } while (!commands.stop);
  }

  // Sleeps while there is nothing to do; takes what was asked for.
  void wait_for(Commands* commands) {
    commands->arrivals.clear();
    commands->cancels.clear();
    std::unique_lock lock(mutex_);
    wake_.wait(lock, [this] {
      return core_->has_work() || !inbox_.empty() || !cancels_.empty() || stopping_ || aborting_;
    });
    waiting_ += inbox_.size();
    std::swap(commands->arrivals, inbox_);
    std::swap(commands->cancels, cancels_);
    commands->abort = std::exchange(aborting_, false);
    commands->stop = stopping_;
  }

  void publish(std::vector<RequestOutput> outputs) {
    size_t finished = 0;
    {
      std::lock_guard lock(mutex_);
      stats_ = core_->stats();
      waiting_ = static_cast<size_t>(core_->num_waiting());
      for (const auto& output : outputs) {
        if (!output.finished) continue;
        live_ids_.erase(output.request_id);
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
  std::unordered_set<std::string> live_ids_;
  AnswerBudget answers_;
  size_t waiting_ = 0;      // in the scheduler's queue, and what came since its last plan
  size_t undelivered_ = 0;  // requests whose last output has not been delivered
  bool draining_ = false, aborting_ = false, stopping_ = false;
  EngineStats stats_;

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
