#include "scheduler/scheduler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

namespace trivet {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// One group without a window, four positions a block, nothing shared.
class CountedBlocks final : public SequenceBlocks {
 public:
  explicit CountedBlocks(int blocks) : free_(blocks) {}
  int free_blocks() const override { return free_; }
  int attach(SequenceKey key) override {
    int positions = cached.contains(key) ? cached.at(key) : 0;
    EXPECT_TRUE(grow(key, positions));
    return positions;
  }
  bool grow(SequenceKey key, int positions) override {
    int more = std::max(0, blocks_for(positions) - held_[key]);
    if (more > free_) return false;
    free_ -= more;
    held_[key] += more;
    return true;
  }
  void release(SequenceKey key) override {
    free_ += held_[key];
    held_[key] = 0;
  }
  int missing(SequenceKey key, int positions, int width) const override {
    auto found = held_.find(key);
    int held = found == held_.end() ? 0 : found->second;
    return std::max(0, blocks_for(positions) * width - held);
  }

  std::map<SequenceKey, int> cached;

 private:
  static int blocks_for(int positions) { return (positions + 3) / 4; }
  int free_;
  std::map<SequenceKey, int> held_;
};

SchedulerOptions small() {
  SchedulerOptions options;
  options.max_sequences = 4;
  options.max_batched_tokens = 16;
  options.prefill_chunk = 8;
  options.optimistic_tokens = 4;
  return options;
}

TimePoint at_second(int seconds) { return TimePoint(std::chrono::seconds(seconds)); }

SequenceInfo sequence(SequenceKey key, int prompt, int final_positions = 0) {
  SequenceInfo info;
  info.key = key;
  info.arrival = at_second(0);
  info.prompt_tokens = info.length = prompt;
  info.final_positions = final_positions > 0 ? final_positions : prompt;
  return info;
}

// "key:rows" in order.
std::vector<std::string> text(const StepPlan& plan) {
  std::vector<std::string> rows;
  for (const auto& planned : plan.sequences) {
    rows.push_back(std::to_string(planned.key) + ":" + std::to_string(planned.rows));
  }
  return rows;
}

// Does the planned rows; a finished prompt or a decoded row makes a token.
void apply(Scheduler& scheduler, const StepPlan& plan, std::map<SequenceKey, int>& lengths) {
  for (const auto& planned : plan.sequences) {
    int& length = lengths[planned.key];
    int computed = planned.computed + planned.rows;
    if (computed == length) ++length;
    scheduler.advance(planned.key, computed, length);
  }
}

class SchedulerTest : public ::testing::Test {
 protected:
  void start(int blocks, SchedulerOptions options = small()) {
    blocks_ = std::make_unique<CountedBlocks>(blocks);
    scheduler_ = std::make_unique<Scheduler>(options, *blocks_);
  }
  void add(const SequenceInfo& info) {
    lengths_[info.key] = info.length;
    scheduler_->add(info);
  }
  StepPlan step(int second = 0) {
    StepPlan plan = scheduler_->plan(at_second(second));
    apply(*scheduler_, plan, lengths_);
    return plan;
  }
  void finish(SequenceKey key) {
    scheduler_->remove(key);
    blocks_->release(key);
  }

  std::unique_ptr<CountedBlocks> blocks_;
  std::unique_ptr<Scheduler> scheduler_;
  std::map<SequenceKey, int> lengths_;
};

TEST_F(SchedulerTest, PlansNothingWithoutSequences) {
  start(10);
  EXPECT_THAT(text(step()), IsEmpty());
}

TEST_F(SchedulerTest, MixesChunksOfPromptsWithDecodingWithinTheBudget) {
  start(100);
  add(sequence(1, 3, 20));
  add(sequence(2, 20, 30));
  add(sequence(3, 9, 30));
  EXPECT_THAT(text(step()), ElementsAre("1:3", "2:8", "3:5"));
  EXPECT_THAT(text(step()), ElementsAre("1:1", "2:8", "3:4"));
  EXPECT_THAT(text(step()), ElementsAre("1:1", "3:1", "2:4"));
  EXPECT_THAT(text(step()), ElementsAre("1:1", "2:1", "3:1"));
}

TEST_F(SchedulerTest, RunsNoMoreThanMaxSequences) {
  start(100);
  for (SequenceKey key = 1; key <= 6; ++key) add(sequence(key, 2, 10));
  EXPECT_EQ(step().sequences.size(), 4u);
  EXPECT_EQ(scheduler_->num_waiting(), 2);
  finish(2);
  EXPECT_THAT(step().admitted, ElementsAre(5));
}

TEST_F(SchedulerTest, SkipsWhatIsCached) {
  start(100);
  blocks_->cached[1] = 8;
  add(sequence(1, 10, 12));
  EXPECT_THAT(text(step()), ElementsAre("1:2"));
}

TEST_F(SchedulerTest, ReservesTheWorstCaseOfBoundedSequences) {
  start(10);
  add(sequence(1, 4, 24));  // 6 blocks in the end
  add(sequence(2, 4, 20));  // 5 more: not now
  add(sequence(3, 4, 8));   // would fit, but nobody overtakes
  EXPECT_THAT(step().admitted, ElementsAre(1));
  for (int i = 0; i < 20; ++i) EXPECT_THAT(step().preempted, IsEmpty());
  finish(1);
  EXPECT_THAT(step().admitted, ElementsAre(2, 3));
}

TEST_F(SchedulerTest, AdmitsUnboundedSequencesOnAMarginAndPreemptsTheLatest) {
  start(6);
  SequenceInfo a = sequence(1, 4, 24), b = sequence(2, 4, 24);
  a.bounded = b.bounded = false;
  b.arrival = at_second(1);
  add(a);
  add(b);
  EXPECT_THAT(step().admitted, ElementsAre(1, 2));
  std::vector<SequenceKey> preempted;
  for (int i = 0; i < 40 && preempted.empty(); ++i) preempted = step().preempted;
  EXPECT_THAT(preempted, ElementsAre(2));
  while (lengths_[1] < 24) EXPECT_THAT(text(step()), ElementsAre("1:1"));
  finish(1);
  StepPlan again = step();
  EXPECT_THAT(again.admitted, ElementsAre(2));
  EXPECT_EQ(again.sequences[0].computed, 0);  // recomputes prompt and generated tokens in chunks
  EXPECT_EQ(again.sequences[0].rows, 8);
}

TEST_F(SchedulerTest, TheWorstClassIsPreemptedBeforeTheLatest) {
  start(4);
  SequenceInfo urgent = sequence(2, 4, 16), normal = sequence(1, 4, 16);
  urgent.bounded = normal.bounded = false;
  urgent.arrival = at_second(1);
  urgent.priority = -1;
  add(urgent);
  add(normal);
  std::vector<SequenceKey> preempted;
  for (int i = 0; i < 40 && preempted.empty(); ++i) preempted = step(1).preempted;
  EXPECT_THAT(preempted, ElementsAre(1));
}

TEST_F(SchedulerTest, AnUrgentArrivalDisplacesRunningWorkOfAWorseClass) {
  start(100);
  for (SequenceKey key = 1; key <= 4; ++key) add(sequence(key, 2, 10));
  step();
  SequenceInfo equal = sequence(5, 2, 10);
  add(equal);
  EXPECT_THAT(step().preempted, IsEmpty());
  SequenceInfo urgent = sequence(6, 2, 10);
  urgent.priority = -5;
  add(urgent);
  StepPlan plan = step();
  EXPECT_THAT(plan.preempted, ElementsAre(4));
  EXPECT_THAT(plan.admitted, ElementsAre(6));
}

TEST_F(SchedulerTest, LowerPriorityNumbersGoFirst) {
  SchedulerOptions options = small();
  options.max_sequences = 1;
  start(100, options);
  for (auto [key, priority] : {std::pair{1, 5}, {2, -1}, {3, 0}}) {
    SequenceInfo info = sequence(static_cast<SequenceKey>(key), 2);
    info.priority = priority;
    add(info);
  }
  std::vector<SequenceKey> order;
  for (int i = 0; i < 3; ++i) {
    order.push_back(step().admitted.at(0));
    finish(order.back());
  }
  EXPECT_THAT(order, ElementsAre(2, 3, 1));
}

TEST_F(SchedulerTest, WithinATenantTheEarliestDeadlineGoesFirst) {
  SchedulerOptions options = small();
  options.max_sequences = 1;
  start(100, options);
  SequenceInfo none = sequence(1, 2), late = sequence(2, 2), soon = sequence(3, 2);
  late.deadline = at_second(60);
  soon.deadline = at_second(30);
  for (const auto& info : {none, late, soon}) add(info);
  std::vector<SequenceKey> order;
  for (int i = 0; i < 3; ++i) {
    order.push_back(step().admitted.at(0));
    finish(order.back());
  }
  EXPECT_THAT(order, ElementsAre(3, 2, 1));
}

TEST_F(SchedulerTest, NamesWhatHasExpiredWhetherWaitingOrRunning) {
  SchedulerOptions options = small();
  options.max_sequences = 1;
  start(100, options);
  for (SequenceKey key : {1, 2, 3}) {
    SequenceInfo info = sequence(key, 2);
    if (key != 3) info.deadline = at_second(5);
    add(info);
  }
  step();
  EXPECT_THAT(scheduler_->expired(at_second(4)), IsEmpty());
  EXPECT_THAT(scheduler_->expired(at_second(5)), ElementsAre(1, 2));
}

TEST_F(SchedulerTest, TheTenantThatHadLeastGoesFirst) {
  SchedulerOptions options = small();
  options.max_sequences = 1;
  start(100, options);
  for (SequenceKey key = 1; key <= 6; ++key) {
    SequenceInfo info = sequence(key, 4);
    info.tenant = key <= 4 ? "flood" : "polite";
    add(info);
  }
  std::vector<SequenceKey> order;
  for (int i = 0; i < 6; ++i) {
    order.push_back(step().admitted.at(0));
    finish(order.back());
  }
  EXPECT_THAT(order, ElementsAre(1, 5, 2, 6, 3, 4));
}

TEST_F(SchedulerTest, WaitingRaisesTheClass) {
  SchedulerOptions options = small();
  options.max_sequences = 1;
  start(100, options);
  SequenceInfo old = sequence(1, 2);
  old.priority = 2;
  add(old);
  SequenceInfo fresh = sequence(2, 2);
  fresh.arrival = at_second(25);
  add(fresh);
  SequenceInfo middle = sequence(3, 2);
  middle.priority = 1;
  middle.arrival = at_second(25);
  add(middle);
  EXPECT_THAT(step(25).admitted, ElementsAre(1));  // 2 - 25 s / 10 s = 0, and earlier
}

TEST_F(SchedulerTest, ASplitSequenceRunsItsChoicesSideBySide) {
  start(100);
  SequenceInfo parent = sequence(1, 4, 10);
  parent.width = 3;
  add(parent);
  add(sequence(2, 2, 10));
  add(sequence(3, 2, 10));  // a fifth slot would be needed
  EXPECT_THAT(step().admitted, ElementsAre(1, 2));
  for (SequenceKey key : {10, 11}) {
    ASSERT_TRUE(scheduler_->can_split(1));
    ASSERT_TRUE(blocks_->grow(key, 4));
    scheduler_->split(1, key, true);
    lengths_[key] = lengths_[1];
  }
  EXPECT_FALSE(scheduler_->can_split(1));
  EXPECT_THAT(text(step()), ElementsAre("1:1", "2:1", "10:1", "11:1"));
}

TEST_F(SchedulerTest, AChoiceWithoutBlocksWaitsAndComesBeforeNewRequests) {
  SchedulerOptions options = small();
  options.max_sequences = 1;
  start(100, options);
  SequenceInfo parent = sequence(1, 4, 10);
  parent.width = 2;
  add(parent);
  step();
  add(sequence(2, 2, 10));
  EXPECT_FALSE(scheduler_->can_split(1));
  scheduler_->split(1, 3, false);
  lengths_[3] = lengths_[1];
  finish(1);
  EXPECT_THAT(step().admitted, ElementsAre(3));
}

TEST_F(SchedulerTest, AStalledSequenceKeepsItsBlocksAndGoesOnLater) {
  SchedulerOptions options = small();
  options.optimistic_tokens = 1;
  start(4, options);
  SequenceInfo a = sequence(1, 5, 16), b = sequence(2, 4, 16);
  a.bounded = b.bounded = false;
  b.arrival = at_second(1);
  add(a);
  step();
  add(b);
  EXPECT_THAT(text(step()), ElementsAre("1:1", "2:4"));
  ASSERT_TRUE(blocks_->grow(99, 4));  // somebody else takes the last block
  EXPECT_THAT(text(step()), ElementsAre("1:1"));
  EXPECT_EQ(scheduler_->num_running(), 2);
  blocks_->release(99);
  EXPECT_THAT(text(step()), ElementsAre("1:1", "2:1"));
}

TEST_F(SchedulerTest, PromptsLeaveDecodersTheirTimeBetweenTokens) {
  SchedulerOptions options;
  options.prefill_chunk = 64;
  options.tpot_target = std::chrono::milliseconds(40);
  start(1000, options);
  for (int rows : {1, 32, 256}) scheduler_->observe(rows, std::chrono::milliseconds(rows));
  add(sequence(1, 64, 100));
  add(sequence(2, 500, 600));
  EXPECT_THAT(text(step()), ElementsAre("1:64", "2:64")) << "nobody decodes yet";
  EXPECT_THAT(text(step()), ElementsAre("1:1", "2:39"));
  for (int i = 0; i < 50; ++i) scheduler_->observe(32, std::chrono::milliseconds(90));
  EXPECT_THAT(text(step()), ElementsAre("1:1", "2:16")) << "prompts never stand still";
}

TEST_F(SchedulerTest, ShortPromptsPassLongOnesThatHaveNotWaitedLong) {
  SchedulerOptions options;
  options.max_batched_tokens = options.prefill_chunk = 32;
  start(1000, options);
  scheduler_->observe(32, std::chrono::milliseconds(320));  // 10 ms a token
  add(sequence(1, 320));                                    // 3.2 s of work: waits up to 12.8 s
  EXPECT_THAT(text(step()), ElementsAre("1:32"));
  SequenceInfo early = sequence(2, 32), late = sequence(3, 32);
  early.arrival = at_second(5);
  add(early);
  EXPECT_THAT(text(step(5)), ElementsAre("2:32"));
  finish(2);
  late.arrival = at_second(30);
  add(late);
  EXPECT_THAT(text(step(30)), ElementsAre("1:32"));
}

}  // namespace
}  // namespace trivet
