// What runs in the next step: pure policy over the waiting and the running sequences.
#ifndef TRIVET_SCHEDULER_SCHEDULER_H_
#define TRIVET_SCHEDULER_SCHEDULER_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "scheduler/step_cost.h"
#include "scheduler/tenant_shares.h"

namespace trivet {

using SequenceKey = uint64_t;

struct SchedulerOptions {
  int max_sequences = 32;        // running at once
  int max_batched_tokens = 256;  // rows per step; at least max_sequences
  int prefill_chunk = 64;        // rows of one sequence per step
  int optimistic_tokens = 256;   // room reserved ahead of a sequence of unbounded length
  int decode_weight = 2;         // what a generated token costs its tenant, in prompt tokens
  Duration ageing = std::chrono::seconds(10);  // each such wait raises the priority by one
  // What a step may take while sequences decode: the time between their tokens. 0 = no limit.
  Duration tpot_target = Duration::zero();
};

// What policy knows of a sequence.
struct SequenceInfo {
  SequenceKey key = 0;  // in order of submission
  int priority = 0;     // lower = sooner
  TimePoint arrival;
  std::optional<TimePoint> deadline;
  std::string tenant;
  int prompt_tokens = 0;
  int length = 0;           // tokens known: the prompt and what was generated
  int final_positions = 0;  // most positions that it will ever hold
  bool bounded = true;  // its user set final_positions; else it is only the limit of the context
  int width = 1;        // sequences that it becomes after the prompt
};

// The key/value memory as policy sees it. Blocks, not bytes.
class SequenceBlocks {
 public:
  virtual ~SequenceBlocks() = default;
  virtual int free_blocks() const = 0;
  // The sequence, which holds nothing, takes what is cached of it. Returns the positions it has
  // then.
  virtual int attach(SequenceKey key) = 0;
  // Room for the positions [0, positions): all or nothing.
  virtual bool grow(SequenceKey key, int positions) = 0;
  virtual void release(SequenceKey key) = 0;
  // Blocks that it lacks to reach `positions` as `width` sequences.
  virtual int missing(SequenceKey key, int positions, int width) const = 0;
};

struct PlannedSequence {
  SequenceKey key;
  int computed;  // positions done: the rows are [computed, computed + rows)
  int rows;
};

struct StepPlan {
  std::vector<PlannedSequence> sequences;  // decoding ones first
  std::vector<SequenceKey> admitted;       // for the first time or again
  std::vector<SequenceKey> preempted;
  int rows = 0;
};

// Policy
// - Each step: one row for every decoding sequence, then chunks of unfinished prompts, then new
//   sequences, within the budget of rows. While some decode, the budget is what takes
//   `tpot_target` by the steps so far, but leaves prompts kLeastPrefillRows.
// - Order of admission: class (priority, minus one per `ageing` waited), those preempted before,
//   the tenant that had least, the earliest deadline (within that tenant), arrival. Strict: nobody
//   overtakes the first.
// - Short prompts first, with ageing: a prompt counts as if it had arrived kPatience times the time
//   later that its rest takes to compute. So it waits for shorter ones, but for none that came
//   after that.
// - Admission reserves blocks: for a bounded sequence its worst case, for an unbounded one
// `optimistic_tokens`
//   beyond its length; on top of what all running ones still have reserved. A sequence alone is
//   always admitted.
// - When the pool runs dry all the same, the running sequence of the worst class, among those the
// latest
//   arrival, loses its blocks and waits again; it keeps the class it was admitted with. A waiting
//   sequence also displaces running ones of a class worse than its own priority.
// - A sequence that finds no blocks and nobody below itself sits the step out with what it has.
// So some sequence always advances, and every sequence becomes the most senior in the end. No
// clock, no thread, no randomness: the same calls give the same plans.
class Scheduler {
 public:
  // `blocks` must outlive it.
  Scheduler(const SchedulerOptions& options, SequenceBlocks& blocks);
  ~Scheduler();

  // Puts a new sequence in the queue. Alone in an empty pool it must fit (the caller refuses
  // others).
  void add(const SequenceInfo& info);
  // A choice of a request splits off after the prompt: running with its own blocks, or waiting
  // without any. Both have width 1 from now on.
  void split(SequenceKey parent, SequenceKey key, bool has_blocks);
  // Finished or cancelled. The caller releases the blocks.
  void remove(SequenceKey key);
  // After a step: the sequence has keys and values for `computed` positions, and `length` tokens.
  void advance(SequenceKey key, int computed, int length);

  // All running sequences lose their blocks and wait again, as preempted ones do. Returns how many.
  int preempt_all();
  // A step of so many rows took so long.
  void observe(int rows, Duration time) { cost_.observe(rows, time); }
  // Sequences whose deadline has passed; the caller removes them.
  std::vector<SequenceKey> expired(TimePoint now) const;
  // The next step. Preempted sequences have been released, admitted ones attached, all planned ones
  // grown. Empty only when there is no sequence at all.
  StepPlan plan(TimePoint now);

  int num_running() const { return static_cast<int>(running_.size()); }
  int num_waiting() const { return static_cast<int>(waiting_.size()); }
  bool can_split(SequenceKey parent) const;  // there is a slot for one more running choice of it

 private:
  struct Entry;

  int row_budget() const;
  TimePoint place_in_line(const Entry& entry) const;
  void schedule_decoders(StepPlan* plan);
  void schedule_prompts(TimePoint now, StepPlan* plan);
  bool schedule(Entry& entry, StepPlan* plan);
  template <class IsNext>
  bool admit(TimePoint now, StepPlan* plan, IsNext is_next);
  bool try_admit(Entry& entry, StepPlan* plan);
  bool displace_for(const Entry& candidate, StepPlan* plan);
  void preempt_most_junior(StepPlan* plan);
  Entry* first_waiting(TimePoint now);
  int64_t class_of(const Entry& entry, TimePoint now) const;
  int missing(const Entry& entry) const;
  int width_running() const;
  void insert_running(Entry& entry);
  Entry& at(SequenceKey key) const;

  const SchedulerOptions options_;
  SequenceBlocks* blocks_;
  TenantShares shares_;
  StepCost cost_;
  std::unordered_map<SequenceKey, std::unique_ptr<Entry>> entries_;
  std::vector<Entry*> waiting_;
  std::vector<Entry*> running_;                    // most senior first
  int rows_left_ = 0;                              // during plan()
  Duration prompt_token_time_ = Duration::zero();  // of the steps so far, during plan()
};

}  // namespace trivet

#endif  // TRIVET_SCHEDULER_SCHEDULER_H_
