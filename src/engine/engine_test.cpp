// The engine with its thread.
#include "engine/engine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <random>
#include <thread>

#include "engine/fake_runner.h"
#include "engine/fake_tokenizer.h"

namespace trivet {
namespace {

class CollectingSink final : public OutputSink {
 public:
  void deliver(std::vector<RequestOutput> outputs) override {
    std::lock_guard lock(mutex_);
    for (auto& output : outputs) {
      if (output.finished) ++finished_;
      outputs_[output.request_id].push_back(std::move(output));
    }
    changed_.notify_all();
  }
  bool wait_for(int finished) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(60), [&] { return finished_ >= finished; });
  }
  std::vector<RequestOutput> of(const std::string& id) {
    std::lock_guard lock(mutex_);
    return outputs_[id];
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, std::vector<RequestOutput>> outputs_;
  int finished_ = 0;
};

EngineRequest short_request(const std::string& id, int max_tokens = 20) {
  EngineRequest made;
  made.id = id;
  made.prompt = {10, 20, 30, 40, 50};
  made.params.max_tokens = max_tokens;
  made.params.ignore_eos = true;
  return made;
}

// Holds the engine thread inside a step.
class Gate {
 public:
  Result<void> pass() {
    std::unique_lock lock(mutex_);
    ++waiting_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return open_; });
    return {};
  }
  void wait_until_reached() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return waiting_ > 0; });
  }
  void open() {
    std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int waiting_ = 0;
  bool open_ = false;
};

class EngineTest : public ::testing::Test {
 protected:
  void start(EngineOptions options = {}) {
    auto engine = Engine::create(options, runner_, tokenizer_, {FakeTokenizer::kEnd}, sink_);
    ASSERT_TRUE(engine.ok()) << engine.error().message();
    engine_ = std::move(*engine);
  }
  void hold() {
    runner_.before_forward = [this](const StepBatch&) { return gate_.pass(); };
  }

  FakeRunner runner_{FakeRunner::small_limits()};
  FakeTokenizer tokenizer_;
  CollectingSink sink_;
  Gate gate_;
  std::unique_ptr<Engine> engine_;
};

TEST_F(EngineTest, DeliversUntilFinished) {
  start();
  ASSERT_TRUE(engine_->submit(short_request("a")).ok());
  ASSERT_TRUE(sink_.wait_for(1));
  auto outputs = sink_.of("a");
  EXPECT_EQ(outputs.size(), 20u);
  EXPECT_TRUE(outputs.back().finished);
  EXPECT_EQ(engine_->stats().generated_tokens, 20u);
  EXPECT_EQ(engine_->stats().kv_blocks_free, 256);
}

TEST_F(EngineTest, RefusesADoubleIdAFullQueueAndABadRequest) {
  EngineOptions options;
  options.max_num_seqs = 1;
  options.max_queued_requests = 2;
  hold();
  start(options);
  ASSERT_TRUE(engine_->submit(short_request("a")).ok());
  gate_.wait_until_reached();
  EXPECT_EQ(engine_->submit(short_request("a")).error().code(), ErrorCode::kAlreadyExists);
  EXPECT_EQ(engine_->submit(short_request("bad", -1)).error().code(), ErrorCode::kInvalidArgument);
  EXPECT_TRUE(engine_->submit(short_request("b")).ok());
  // "a" counts as waiting until its step is over.
  EXPECT_EQ(engine_->submit(short_request("d")).error().code(), ErrorCode::kResourceExhausted);
  EXPECT_EQ(engine_->stats().waiting, 2);
  gate_.open();
  ASSERT_TRUE(sink_.wait_for(2));
  EXPECT_TRUE(engine_->submit(short_request("a")).ok());
  ASSERT_TRUE(sink_.wait_for(3));
}

TEST_F(EngineTest, CancelBeforeTheEngineHasSeenTheRequestEndsItToo) {
  hold();
  start();
  ASSERT_TRUE(engine_->submit(short_request("a")).ok());
  gate_.wait_until_reached();
  ASSERT_TRUE(engine_->submit(short_request("b")).ok());
  engine_->cancel("b");
  engine_->cancel("nobody");
  gate_.open();
  ASSERT_TRUE(sink_.wait_for(2));
  auto outputs = sink_.of("b");
  ASSERT_EQ(outputs.size(), 1u);
  EXPECT_EQ(outputs[0].sequences.at(0).finish_reason, FinishReason::kAbort);
}

TEST_F(EngineTest, DrainWaitsForTheLiveAndRefusesTheNew) {
  start();
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(engine_->submit(short_request(std::to_string(i))).ok());
  EXPECT_EQ(engine_->drain(std::chrono::steady_clock::now() + std::chrono::seconds(60)), 0);
  EXPECT_TRUE(sink_.wait_for(10));
  EXPECT_EQ(engine_->submit(short_request("late")).error().code(), ErrorCode::kUnavailable);
}

TEST_F(EngineTest, DrainAbortsWhatIsLeftAtTheDeadline) {
  hold();
  start();
  ASSERT_TRUE(engine_->submit(short_request("a")).ok());
  ASSERT_TRUE(engine_->submit(short_request("b")).ok());
  gate_.wait_until_reached();
  std::thread opener([this] {
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
    gate_.open();
  });
  EXPECT_EQ(engine_->drain(std::chrono::steady_clock::now()), 2);
  opener.join();
  EXPECT_EQ(sink_.of("b").back().error->code(), ErrorCode::kUnavailable);
}

TEST_F(EngineTest, DestructionEndsEveryRequest) {
  start();
  for (int i = 0; i < 50; ++i)
    ASSERT_TRUE(engine_->submit(short_request(std::to_string(i), 200)).ok());
  engine_.reset();
  for (int i = 0; i < 50; ++i) EXPECT_TRUE(sink_.of(std::to_string(i)).back().finished);
}

TEST_F(EngineTest, AnIdleEngineDoesNotStep) {
  start();
  ASSERT_TRUE(engine_->submit(short_request("a")).ok());
  ASSERT_TRUE(sink_.wait_for(1));
  uint64_t steps = engine_->stats().steps;
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_EQ(engine_->stats().steps, steps);
}

TEST_F(EngineTest, AStormOfCancelsFromManyThreadsLeaksNothing) {
  EngineOptions options;
  options.max_num_seqs = 8;
  options.max_queued_requests = 100000;
  start(options);
  constexpr int kThreads = 4, kEach = 250;
  std::vector<std::thread> clients;
  for (int t = 0; t < kThreads; ++t) {
    clients.emplace_back([this, t] {
      std::mt19937 random(static_cast<unsigned>(t));
      for (int i = 0; i < kEach; ++i) {
        EngineRequest made =
            short_request(std::to_string(t) + "-" + std::to_string(i), 1 + int(random() % 60));
        made.prompt.resize(1 + random() % 150, 9);
        made.prompt.back() = static_cast<TokenId>(random() % 64);
        made.params.n = 1 + int(random() % 3);
        made.stream = random() % 2 == 0;
        if (random() % 8 == 0)
          made.deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(5);
        std::string id = made.id;
        ASSERT_TRUE(engine_->submit(std::move(made)).ok());
        if (random() % 4 == 0) std::this_thread::yield();
        if (random() % 4 != 0) engine_->cancel(id);
        (void)engine_->stats();
      }
    });
  }
  for (auto& client : clients) client.join();
  ASSERT_TRUE(sink_.wait_for(kThreads * kEach));
  EXPECT_EQ(engine_->drain(std::chrono::steady_clock::now() + std::chrono::seconds(60)), 0);
  EngineStats stats = engine_->stats();
  EXPECT_EQ(stats.kv_blocks_free, stats.kv_blocks_total);
  EXPECT_EQ(stats.running + stats.waiting, 0);
}

}  // namespace
}  // namespace trivet
