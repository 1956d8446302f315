// Pausing, sleeping and going on.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <mutex>
#include <thread>

#include "base/testing/eventually.h"
#include "engine/engine.h"
#include "engine/fake_runner.h"
#include "engine/fake_tokenizer.h"

namespace trivet {
namespace {

struct Answer {
  std::vector<TokenId> tokens;
  bool finished = false;
  FinishReason reason = FinishReason::kNone;
  std::optional<Error> error;
};

class Answers final : public OutputSink {
 public:
  void deliver(std::vector<RequestOutput> outputs) override {
    std::lock_guard lock(mutex_);
    for (auto& output : outputs) {
      Answer& answer = answers_[output.request_id];
      answer.finished = output.finished;
      answer.error = output.error;
      for (auto& sequence : output.sequences) {
        answer.tokens.insert(answer.tokens.end(), sequence.tokens.begin(), sequence.tokens.end());
        answer.reason = sequence.finish_reason;
      }
    }
  }
  Answer of(const std::string& id) {
    std::lock_guard lock(mutex_);
    return answers_[id];
  }

 private:
  std::mutex mutex_;
  std::map<std::string, Answer> answers_;
};

EngineRequest rest_request(const std::string& id, int max_tokens = 40) {
  EngineRequest made;
  made.id = id;
  for (TokenId token = 1; token < 23; ++token) made.prompt.push_back(token);
  made.params.max_tokens = max_tokens;
  made.params.ignore_eos = true;
  made.params.seed = 5;
  return made;
}

class EngineRestTest : public ::testing::Test {
 protected:
  EngineRestTest() {
    // Slow enough to be stopped in the middle.
    runner_.before_forward = [](const StepBatch&) -> Result<void> {
      std::this_thread::sleep_for(std::chrono::microseconds(300));
      return {};
    };
    auto engine = Engine::create({}, runner_, tokenizer_, {FakeTokenizer::kEnd}, sink_);
    engine_ = std::move(*engine);
  }
  bool reach(EngineRest wanted, LiveRequests live) {
    engine_->rest(wanted, live);
    return eventually([&] { return engine_->rest_state().reached == wanted; });
  }
  bool finished(const std::string& id) {
    return eventually([&] { return sink_.of(id).finished; });
  }
  bool has_tokens(const std::string& id, size_t count) {
    return eventually([&] { return sink_.of(id).tokens.size() >= count; });
  }

  FakeRunner runner_{FakeRunner::small_limits()};
  FakeTokenizer tokenizer_;
  Answers sink_;
  std::unique_ptr<Engine> engine_;
};

TEST_F(EngineRestTest, PausingAndSleepingInTheMiddleDoesNotChangeAnAnswer) {
  ASSERT_TRUE(engine_->submit(rest_request("plain")));
  ASSERT_TRUE(finished("plain"));
  const std::vector<TokenId> expected = sink_.of("plain").tokens;
  for (const EngineRest rest : {EngineRest::kPaused, EngineRest::kAsleep}) {
    for (const size_t after : {1, 7, 25}) {
      const std::string id = "r" + std::to_string(static_cast<int>(rest)) + std::to_string(after);
      ASSERT_TRUE(engine_->submit(rest_request(id)));
      ASSERT_TRUE(has_tokens(id, after));
      ASSERT_TRUE(reach(rest, LiveRequests::kKeep));
      const size_t held = sink_.of(id).tokens.size();
      EXPECT_EQ(runner_.has_memory(), rest != EngineRest::kAsleep);
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
      EXPECT_EQ(sink_.of(id).tokens.size(), held) << "nothing moves while the engine rests";
      ASSERT_TRUE(reach(EngineRest::kNone, LiveRequests::kKeep));
      ASSERT_TRUE(finished(id));
      EXPECT_EQ(sink_.of(id).tokens, expected) << id;
    }
  }
  EXPECT_EQ(engine_->stats().kv_blocks_free, 256);
}

TEST_F(EngineRestTest, AbortEndsAllAndNewRequestsWait) {
  ASSERT_TRUE(engine_->submit(rest_request("old", 200)));
  ASSERT_TRUE(has_tokens("old", 1));
  ASSERT_TRUE(reach(EngineRest::kPaused, LiveRequests::kAbort));
  EXPECT_TRUE(finished("old"));
  EXPECT_EQ(sink_.of("old").reason, FinishReason::kAbort);
  EXPECT_FALSE(sink_.of("old").error);
  ASSERT_TRUE(engine_->submit(rest_request("new")));
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_TRUE(sink_.of("new").tokens.empty());
  EXPECT_EQ(engine_->stats().waiting, 1);
  EXPECT_TRUE(engine_->stats().resting);
  ASSERT_TRUE(reach(EngineRest::kNone, LiveRequests::kKeep));
  ASSERT_TRUE(finished("new"));
  EXPECT_EQ(sink_.of("new").tokens.size(), 40u);
}

TEST_F(EngineRestTest, FinishLetsRunningRequestsEndAndHoldsLaterOnes) {
  ASSERT_TRUE(engine_->submit(rest_request("old", 100)));
  ASSERT_TRUE(has_tokens("old", 1));
  engine_->rest(EngineRest::kAsleep, LiveRequests::kFinish);
  EXPECT_EQ(engine_->rest_state().wanted, EngineRest::kAsleep);
  ASSERT_TRUE(engine_->submit(rest_request("new")));
  ASSERT_TRUE(eventually([&] { return engine_->rest_state().reached == EngineRest::kAsleep; }));
  EXPECT_EQ(sink_.of("old").tokens.size(), 100u);
  EXPECT_TRUE(sink_.of("new").tokens.empty());
  ASSERT_TRUE(reach(EngineRest::kNone, LiveRequests::kKeep));
  EXPECT_TRUE(finished("new"));
}

TEST_F(EngineRestTest, CancelsAndDeadlinesWorkWhileItRests) {
  ASSERT_TRUE(engine_->submit(rest_request("running", 200)));
  ASSERT_TRUE(has_tokens("running", 1));
  ASSERT_TRUE(reach(EngineRest::kAsleep, LiveRequests::kKeep));
  EngineRequest late = rest_request("late");
  late.deadline = SteadyClock().now() + std::chrono::milliseconds(100);
  ASSERT_TRUE(engine_->submit(std::move(late)));
  ASSERT_TRUE(engine_->submit(rest_request("waiting")));
  engine_->cancel("running");
  engine_->cancel("waiting");
  ASSERT_TRUE(finished("running"));
  ASSERT_TRUE(finished("waiting"));
  ASSERT_TRUE(finished("late"));
  EXPECT_EQ(sink_.of("running").reason, FinishReason::kAbort);
  EXPECT_EQ(sink_.of("waiting").reason, FinishReason::kAbort);
  EXPECT_EQ(sink_.of("late").error->code(), ErrorCode::kDeadlineExceeded);
  EXPECT_EQ(engine_->stats().waiting, 0);
}

TEST_F(EngineRestTest, WithoutMemoryItStaysAsleepAndSaysWhyUntilItIsThere) {
  ASSERT_TRUE(reach(EngineRest::kAsleep, LiveRequests::kAbort));
  ASSERT_TRUE(engine_->submit(rest_request("a")));
  std::atomic<bool> full = true;
  runner_.before_acquire = [&]() -> Result<void> {
    if (full) return Error(ErrorCode::kResourceExhausted, "no memory");
    return {};
  };
  engine_->rest(EngineRest::kNone, LiveRequests::kKeep);
  ASSERT_TRUE(eventually([&] { return engine_->rest_state().error.has_value(); }));
  EXPECT_EQ(engine_->rest_state().reached, EngineRest::kAsleep);
  EXPECT_EQ(engine_->rest_state().wanted, EngineRest::kAsleep);
  full = false;
  ASSERT_TRUE(reach(EngineRest::kNone, LiveRequests::kKeep));
  EXPECT_FALSE(engine_->rest_state().error);
  EXPECT_TRUE(finished("a"));
}

TEST_F(EngineRestTest, ForgettingPrefixesMakesTheNextPromptColdAndTheSame) {
  ASSERT_TRUE(engine_->submit(rest_request("cold")));
  ASSERT_TRUE(finished("cold"));
  ASSERT_TRUE(engine_->submit(rest_request("warm")));
  ASSERT_TRUE(finished("warm"));
  const uint64_t hits = engine_->stats().prefix_hits_tokens;
  EXPECT_GT(hits, 0u);
  engine_->forget_prefixes();
  ASSERT_TRUE(engine_->submit(rest_request("again")));
  ASSERT_TRUE(finished("again"));
  EXPECT_EQ(engine_->stats().prefix_hits_tokens, hits);
  EXPECT_EQ(sink_.of("again").tokens, sink_.of("cold").tokens);
}

TEST_F(EngineRestTest, DrainingARestingEngineAbortsWhatWaits) {
  ASSERT_TRUE(reach(EngineRest::kAsleep, LiveRequests::kKeep));
  ASSERT_TRUE(engine_->submit(rest_request("a")));
  const TimePoint begin = SteadyClock().now();
  EXPECT_EQ(engine_->drain(begin + std::chrono::seconds(30)), 1);
  EXPECT_LT(SteadyClock().now() - begin, std::chrono::seconds(10));
  EXPECT_TRUE(sink_.of("a").finished);
}

TEST_F(EngineRestTest, RestingAndWakingUnderAStormOfRequestsLosesNothing) {
  std::thread nurse([this] {
    for (int i = 0; i < 60; ++i) {
      engine_->rest(i % 2 ? EngineRest::kPaused : EngineRest::kAsleep,
                    i % 3 ? LiveRequests::kKeep : LiveRequests::kFinish);
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
      engine_->rest(EngineRest::kNone, LiveRequests::kKeep);
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
      engine_->forget_prefixes();
    }
  });
  for (int i = 0; i < 40; ++i) {
    ASSERT_TRUE(engine_->submit(rest_request("s" + std::to_string(i), 30)));
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  nurse.join();
  ASSERT_TRUE(finished("s0"));
  for (int i = 0; i < 40; ++i) {
    const std::string id = "s" + std::to_string(i);
    ASSERT_TRUE(finished(id)) << id;
    EXPECT_EQ(sink_.of(id).tokens, sink_.of("s0").tokens) << id;
  }
  EXPECT_EQ(engine_->stats().kv_blocks_free, 256);
}

}  // namespace
}  // namespace trivet
