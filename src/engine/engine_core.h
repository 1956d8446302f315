// The engine without its thread: requests in, steps, outputs.
#ifndef TRIVET_ENGINE_ENGINE_CORE_H_
#define TRIVET_ENGINE_ENGINE_CORE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "engine/batch_builder.h"
#include "engine/engine.h"
#include "engine/live_request.h"
#include "kv/kv_cache.h"
#include "scheduler/scheduler.h"

namespace trivet {

// One thread, except check(). The same calls at the same times give the same outputs.
class EngineCore final : private SequenceBlocks {
 public:
  // The references must outlive it; `observer` may be null.
  static Result<std::unique_ptr<EngineCore>> create(const EngineOptions& options,
                                                    ModelRunner& runner, const Tokenizer& tokenizer,
                                                    std::vector<TokenId> end_tokens,
                                                    const Clock& clock, EngineObserver* observer);
  EngineCore(const EngineCore&) = delete;
  EngineCore& operator=(const EngineCore&) = delete;

  // Whether the request could be served at all. Any thread.
  Result<void> check(const EngineRequest& request) const;
  // See answer_budget.h. Any thread.
  uint64_t worst_answer_bytes(const EngineRequest& request) const;
  // Takes a request that passed check() and whose id is not live.
  void add(EngineRequest request, TimePoint arrived);
  // Everything that the request holds is free when this returns. Unknown ids are ignored.
  void cancel(const std::string& id);
  // Ends all requests with the error; returns how many.
  int abort_all(const Error& why);

  // Ends all requests as cancel() does.
  void cancel_all();

  // Something to run or to deliver.
  bool has_work() const { return !live_.empty(); }
  // What is new without a step: ends requests whose deadline has passed.
  std::vector<RequestOutput> rest();
  // Gives the key/value memory back: what runs is recomputed later. No step() until
  // acquire_memory() has succeeded.
  void release_memory();
  Result<void> acquire_memory() { return runner_->acquire_kv_memory(); }
  void forget_prefixes() { cache_.forget_prefixes(); }
  // One step of the model, if there is anything to run; returns what is new since the last call.
  std::vector<RequestOutput> step();

  EngineStats stats() const;
  int num_waiting() const { return scheduler_.num_waiting(); }
  const KvCache& cache() const { return cache_; }

 private:
  struct Sequence {
    LiveRequest* request;
    Choice* choice;
  };
  struct WantedRow {
    int32_t row;
    int position;
    Sequence sequence;
    bool next_token;  // else it is for the logprobs of the prompt
  };

  EngineCore(const EngineOptions& options, const SchedulerOptions& scheduling, KvLayout layout,
             ModelRunner& runner, const Tokenizer& tokenizer, std::vector<TokenId> end_tokens,
             const Clock& clock, EngineObserver* observer);

  // SequenceBlocks
  int free_blocks() const override { return cache_.num_free_blocks(); }
  int attach(SequenceKey key) override;
  bool grow(SequenceKey key, int positions) override;
  void release(SequenceKey key) override;
  int missing(SequenceKey key, int positions, int width) const override;

  // Lives of requests (engine_core.cpp).
  int max_generated(const EngineRequest& request) const;
  SequenceInfo describe(const LiveRequest& request) const;
  void end_request(LiveRequest& request, std::optional<Error> error);
  void remove_sequence(Choice& choice);
  void end_expired(TimePoint now);
  void note_news(LiveRequest& request);
  std::vector<RequestOutput> take_outputs();
  RequestOutput make_output(LiveRequest& request);

  // One step (engine_step.cpp).
  void note_plan(const StepPlan& plan, TimePoint now);
  void run(const StepPlan& plan);
  Result<void> forward(const StepPlan& plan);
  void commit_rows();
  Result<void> read_logits();
  void read_row(const WantedRow& wanted, std::span<float> logits);
  Result<void> take_token(Sequence sequence, std::span<float> logits, bool keep_logits);
  Result<void> take_forced_tokens(Sequence sequence);
  void append(Sequence sequence, TokenId token, std::optional<PositionLogprobs> logprobs);
  Result<void> draw_first_tokens(LiveRequest& request, std::span<float> logits);
  void split_choices(LiveRequest& request, std::span<float> logits);
  Result<bool> fork_blocks(LiveRequest& request, Choice& choice);
  void settle(Sequence sequence);
  void fail_step(const Error& error);

  const EngineOptions options_;
  ModelRunner* runner_;
  const Tokenizer* tokenizer_;
  const std::vector<TokenId> end_tokens_;
  const Clock* clock_;
  EngineObserver* observer_;
  const int vocab_size_;
  KvCache cache_;
  const int context_limit_;  // tokens of a sequence
  Scheduler scheduler_;
  BatchBuilder builder_;

  MaskWorker mask_worker_;
  std::unordered_map<std::string, std::unique_ptr<LiveRequest>> live_;
  std::unordered_map<SequenceKey, Sequence> sequences_;  // those the scheduler knows
  std::vector<LiveRequest*> news_;                       // with something to deliver
  SequenceKey next_key_ = 0;
  uint64_t num_requests_ = 0;

  // Of the step in progress; members so that their memory is reused.
  std::vector<SequenceRows> rows_;
  std::vector<Sequence> stepped_;
  std::vector<WantedRow> wanted_;
  std::vector<int32_t> wanted_rows_;
  std::vector<float> scratch_;
  std::vector<BlockCopy> copies_;

  EngineStats counters_;
};

}  // namespace trivet

#endif  // TRIVET_ENGINE_ENGINE_CORE_H_
