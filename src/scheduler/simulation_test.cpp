// The scheduler and the key/value cache under seeded traffic and a virtual clock.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "base/clock.h"
#include "kv/kv_cache.h"
#include "scheduler/scheduler.h"

namespace trivet {
namespace {

struct Job {
  SequenceInfo info;
  std::vector<TokenId> tokens;
  int wanted = 0;  // length at which it stops
  std::unique_ptr<KvSequence> kv;
  TimePoint finished{};
  bool was_admitted = false;
};

class World final : public SequenceBlocks {
 public:
  World(KvLayout layout, SchedulerOptions options)
      : options_(options), cache_(std::move(layout), true), scheduler_(options, *this) {}

  int free_blocks() const override { return cache_.num_free_blocks(); }
  int attach(SequenceKey key) override {
    Job& job = *jobs.at(key);
    return job.kv->attach_prefix(job.tokens, static_cast<int>(job.tokens.size()) - 1);
  }
  bool grow(SequenceKey key, int positions) override { return jobs.at(key)->kv->grow(positions); }
  void release(SequenceKey key) override { jobs.at(key)->kv->release(); }
  int missing(SequenceKey key, int positions, int width) const override {
    const Job& job = *jobs.at(key);
    return job.kv->missing_blocks(job.info.prompt_tokens, positions, width);
  }

  void add(std::unique_ptr<Job> job) {
    job->kv = std::make_unique<KvSequence>(cache_, "");
    SequenceInfo info = job->info;
    jobs[info.key] = std::move(job);
    scheduler_.add(info);
  }

  // One step: 1 ms and 0.1 ms per row.
  void step() {
    StepPlan plan = scheduler_.plan(clock.now());
    ASSERT_FALSE(plan.sequences.empty());
    ASSERT_LE(plan.rows, options_.max_batched_tokens);
    ASSERT_LE(scheduler_.num_running(), options_.max_sequences);
    preemptions += static_cast<int>(plan.preempted.size());
    for (SequenceKey key : plan.admitted) {
      Job& job = *jobs.at(key);
      if (job.was_admitted) continue;
      job.was_admitted = true;
      served[job.info.tenant] += job.info.prompt_tokens - job.kv->computed();
    }
    clock.advance(std::chrono::microseconds(1000 + 100 * plan.rows));
    for (const auto& planned : plan.sequences) {
      ASSERT_LE(planned.rows, options_.prefill_chunk);
      apply(planned);
    }
  }

  void apply(const PlannedSequence& planned) {
    Job& job = *jobs.at(planned.key);
    int computed = planned.computed + planned.rows;
    ASSERT_EQ(planned.computed, job.kv->computed());
    job.kv->commit(job.tokens, computed);
    if (computed == static_cast<int>(job.tokens.size())) {
      job.tokens.push_back(static_cast<TokenId>(planned.key));
      served[job.info.tenant] += options_.decode_weight;
    }
    scheduler_.advance(planned.key, computed, static_cast<int>(job.tokens.size()));
    if (static_cast<int>(job.tokens.size()) < job.wanted) return;
    scheduler_.remove(planned.key);
    job.kv->release();
    job.finished = clock.now();
    ++num_finished;
  }

  bool idle() const { return scheduler_.num_running() + scheduler_.num_waiting() == 0; }

  std::map<SequenceKey, std::unique_ptr<Job>>& jobs = jobs_;
  std::map<std::string, int64_t> served;  // as the counters weigh it
  VirtualClock clock;
  int preemptions = 0;
  int num_finished = 0;

 private:
  const SchedulerOptions options_;
  KvCache cache_;
  Scheduler scheduler_;
  std::map<SequenceKey, std::unique_ptr<Job>> jobs_;  // dies before the cache
};

std::unique_ptr<Job> make_job(SequenceKey key, TimePoint arrival, int prompt, int output) {
  auto job = std::make_unique<Job>();
  job->info.key = key;
  job->info.arrival = arrival;
  job->info.prompt_tokens = job->info.length = prompt;
  job->info.final_positions = prompt + output - 1;
  job->tokens.assign(static_cast<size_t>(prompt), 0);
  job->wanted = prompt + output;
  return job;
}

class Traffic : public ::testing::TestWithParam<unsigned> {};

TEST_P(Traffic, EveryRequestFinishesAndEveryBlockComesBack) {
  std::mt19937 random(GetParam());
  auto below = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
  KvLayout layout{.block_tokens = 4, .num_blocks = 60, .windows = {0, 10}, .max_chunk_tokens = 16};
  SchedulerOptions options;
  options.max_sequences = 8;
  options.max_batched_tokens = 24;
  options.prefill_chunk = 16;
  options.optimistic_tokens = 8;
  World world(layout, options);
  constexpr int kJobs = 400;
  TimePoint next{};
  for (SequenceKey key = 0; key < kJobs || !world.idle();) {
    while (key < kJobs && next <= world.clock.now()) {
      auto job = make_job(key, world.clock.now(), 1 + below(60), 1 + below(30));
      for (auto& token : job->tokens) token = below(10) == 0;
      job->info.priority = below(4) - 1;
      job->info.tenant = std::string(1, static_cast<char>('a' + below(3)));
      job->info.bounded = below(2) == 0;
      if (!job->info.bounded) job->info.final_positions = 100;
      ASSERT_LE(blocks_needed(layout, 1, 100, 1), layout.num_blocks);
      world.add(std::move(job));
      ++key;
      next += std::chrono::microseconds(below(60000));
    }
    if (world.idle()) {
      world.clock.advance(std::chrono::milliseconds(1));
    } else {
      ASSERT_NO_FATAL_FAILURE(world.step());
    }
  }
  EXPECT_EQ(world.num_finished, kJobs);
  EXPECT_EQ(world.free_blocks(), 60);
  EXPECT_GT(world.preemptions, 0);
}

INSTANTIATE_TEST_SUITE_P(Seeds, Traffic, ::testing::Range(0u, 8u));

TEST(Starvation, AgeingBringsLowPriorityWorkThroughAFlood) {
  KvLayout layout{.block_tokens = 4, .num_blocks = 200, .windows = {0}, .max_chunk_tokens = 16};
  SchedulerOptions options;
  options.max_sequences = 4;
  options.max_batched_tokens = 16;
  options.prefill_chunk = 16;
  options.ageing = std::chrono::seconds(1);
  World world(layout, options);
  auto humble = make_job(0, world.clock.now(), 8, 8);
  humble->info.priority = 5;
  world.add(std::move(humble));
  SequenceKey key = 1;
  int pending = 0;
  while (world.jobs.at(0)->finished == TimePoint{}) {
    // The flood keeps the queue full of urgent work: more than can be served.
    pending = static_cast<int>(key) - world.num_finished;
    for (; pending < 20; ++pending, ++key) {
      world.add(make_job(key, world.clock.now(), 8, 20));
    }
    ASSERT_NO_FATAL_FAILURE(world.step());
    ASSERT_LT(world.clock.now(), TimePoint(std::chrono::seconds(15)));
  }
  EXPECT_GT(world.jobs.at(0)->finished, TimePoint(std::chrono::seconds(4)));
}

TEST(Fairness, BackloggedTenantsGetEqualServiceWithinTheBound) {
  KvLayout layout{.block_tokens = 4, .num_blocks = 400, .windows = {0}, .max_chunk_tokens = 16};
  SchedulerOptions options;
  options.max_sequences = 4;
  options.max_batched_tokens = 16;
  options.prefill_chunk = 16;
  options.ageing = std::chrono::hours(1);
  World world(layout, options);
  SequenceKey key = 0;
  // The flood sends many large requests first, the other tenant a few small ones at a time.
  for (; key < 150; ++key) {
    auto job = make_job(key, world.clock.now(), 4, 40);
    job->info.tenant = "flood";
    job->tokens[0] = static_cast<TokenId>(key);
    world.add(std::move(job));
  }
  int64_t worst = 0;
  for (int step = 0; step < 1200; ++step) {
    for (int extra = 0; extra < 4 && step % 8 == 0; ++extra, ++key) {
      auto job = make_job(key, world.clock.now(), 4, 10);
      job->info.tenant = "polite";
      job->tokens[0] = static_cast<TokenId>(key);
      world.add(std::move(job));
    }
    ASSERT_NO_FATAL_FAILURE(world.step());
    worst = std::max(worst, std::abs(world.served["flood"] - world.served["polite"]));
  }
  // Virtual token counter: the difference stays below twice what the running batch may hold.
  EXPECT_LE(worst, 2 * options.decode_weight * options.max_sequences * 40);
  EXPECT_GT(world.served["polite"], 3000);
}

}  // namespace
}  // namespace trivet
