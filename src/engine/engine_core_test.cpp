// One request at a time through the engine without its thread.
#include "engine/engine_core.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "engine/fake_runner.h"
#include "engine/fake_tokenizer.h"

namespace trivet {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<TokenId> some_prompt(int length, int from = 0) {
  std::vector<TokenId> tokens;
  for (int i = 0; i < length; ++i) tokens.push_back(8 + (i * 7 + from) % 50);
  return tokens;
}

EngineRequest core_request(std::string id, int prompt_length, int max_tokens) {
  EngineRequest made;
  made.id = std::move(id);
  made.prompt = some_prompt(prompt_length);
  made.params.max_tokens = max_tokens;
  made.params.seed = 11;
  made.params.ignore_eos = true;
  return made;
}

class EngineCoreTest : public ::testing::Test {
 protected:
  void SetUp() override { start(EngineOptions{}); }

  void start(EngineOptions options, RunnerLimits limits = FakeRunner::small_limits(),
             EngineObserver* observer = nullptr) {
    core_.reset();
    runner_ = std::make_unique<FakeRunner>(limits);
    auto core =
        EngineCore::create(options, *runner_, tokenizer_, {FakeTokenizer::kEnd}, clock_, observer);
    ASSERT_TRUE(core.ok()) << core.error().message();
    core_ = std::move(*core);
  }

  void add(EngineRequest made) {
    Result<void> checked = core_->check(made);
    ASSERT_TRUE(checked.ok()) << checked.error().message();
    core_->add(std::move(made), clock_.now());
  }

  std::vector<RequestOutput> step() {
    clock_.advance(std::chrono::milliseconds(1));
    return core_->step();
  }

  // Runs until nothing is left; the outputs of each request joined.
  std::map<std::string, RequestOutput> run() {
    std::map<std::string, RequestOutput> joined;
    for (int steps = 0; core_->has_work() && steps < 5000; ++steps) {
      for (RequestOutput& output : step()) join(std::move(output), &joined);
    }
    EXPECT_EQ(core_->cache().num_free_blocks(), core_->cache().layout().num_blocks);
    return joined;
  }

  static void join(RequestOutput output, std::map<std::string, RequestOutput>* joined) {
    RequestOutput& whole = (*joined)[output.request_id];
    EXPECT_FALSE(whole.finished) << "output after the last one";
    auto sequences = std::move(whole.sequences);
    auto prompt_logprobs = std::move(whole.prompt_logprobs);
    sequences.resize(std::max<size_t>(sequences.size(), 1));
    for (SequenceOutput& news : output.sequences) {
      auto index = static_cast<size_t>(news.index);
      if (sequences.size() <= index) sequences.resize(index + 1);
      SequenceOutput& all = sequences[index];
      all.index = news.index;
      EXPECT_EQ(all.finish_reason, FinishReason::kNone);
      all.text += news.text;
      all.tokens.insert(all.tokens.end(), news.tokens.begin(), news.tokens.end());
      all.logprobs.insert(all.logprobs.end(), news.logprobs.begin(), news.logprobs.end());
      all.finish_reason = news.finish_reason;
      all.stop_reason = news.stop_reason;
    }
    if (output.prompt_logprobs.empty()) output.prompt_logprobs = std::move(prompt_logprobs);
    output.sequences = std::move(sequences);
    whole = std::move(output);
  }

  SequenceOutput run_one(EngineRequest made) {
    std::string id = made.id;
    add(std::move(made));
    return run().at(id).sequences.at(0);
  }

  std::string text_of(const std::vector<TokenId>& tokens) {
    return *tokenizer_.decode(tokens, true);
  }

  FakeTokenizer tokenizer_;
  VirtualClock clock_;
  std::unique_ptr<FakeRunner> runner_;
  std::unique_ptr<EngineCore> core_;
};

TEST_F(EngineCoreTest, GeneratesMaxTokensAndSaysLength) {
  SequenceOutput out = run_one(core_request("a", 10, 20));
  EXPECT_EQ(out.tokens.size(), 20u);
  EXPECT_EQ(out.text, text_of(out.tokens));
  EXPECT_EQ(out.finish_reason, FinishReason::kLength);
}

TEST_F(EngineCoreTest, StreamsATokenPerStepAndTellsUsageAndTimes) {
  EngineRequest made = core_request("a", 100, 3);
  add(made);
  TimePoint begin = clock_.now();
  EXPECT_THAT(step(), IsEmpty());  // 64 of 100
  auto first = step();
  ASSERT_EQ(first.size(), 1u);
  EXPECT_EQ(first[0].sequences[0].tokens.size(), 1u);
  EXPECT_FALSE(first[0].finished);
  EXPECT_EQ(step().at(0).usage.completion_tokens, 2);
  auto last = step();
  EXPECT_TRUE(last[0].finished);
  EXPECT_EQ(last[0].usage.prompt_tokens, 100);
  EXPECT_EQ(last[0].usage.completion_tokens, 3);
  EXPECT_EQ(last[0].timing.arrived, begin);
  EXPECT_EQ(last[0].timing.scheduled, begin + std::chrono::milliseconds(1));
  EXPECT_EQ(last[0].timing.first_token, begin + std::chrono::milliseconds(2));
  EXPECT_EQ(last[0].timing.finished, begin + std::chrono::milliseconds(4));
}

TEST_F(EngineCoreTest, NotStreamedMeansOneOutput) {
  EngineRequest made = core_request("a", 10, 20);
  made.stream = false;
  add(made);
  int outputs = 0;
  while (core_->has_work()) {
    for (auto& output : step()) {
      ++outputs;
      EXPECT_EQ(output.sequences.at(0).tokens.size(), 20u);
    }
  }
  EXPECT_EQ(outputs, 1);
}

TEST_F(EngineCoreTest, StopsAtAnEndTokenWithoutItsText) {
  EngineRequest made = core_request("a", 10, 200);
  made.params.ignore_eos = false;
  made.params.skip_special_tokens = false;
  made.params.logit_bias = {{FakeTokenizer::kEnd, 1.5f}};
  SequenceOutput out = run_one(made);
  EXPECT_EQ(out.finish_reason, FinishReason::kStop);
  EXPECT_TRUE(std::holds_alternative<std::monostate>(out.stop_reason));
  EXPECT_EQ(out.tokens.back(), FakeTokenizer::kEnd);
  EXPECT_THAT(out.text, ::testing::Not(HasSubstr("</s>")));
}

TEST_F(EngineCoreTest, StopTokensNameThemselvesAndMayKeepTheirText) {
  SequenceOutput free_run = run_one(core_request("free", 10, 20));
  TokenId stop = free_run.tokens[12];
  EngineRequest made = core_request("a", 10, 20);
  made.params.stop_tokens = {stop};
  SequenceOutput out = run_one(made);
  EXPECT_EQ(std::get<TokenId>(out.stop_reason), stop);
  std::vector<TokenId> before(out.tokens.begin(), out.tokens.end() - 1);
  EXPECT_EQ(out.text, text_of(before));
  made.id = "b";
  made.params.include_stop_text = true;
  SequenceOutput kept = run_one(made);
  EXPECT_EQ(kept.tokens, out.tokens);
  EXPECT_EQ(kept.text, text_of(out.tokens));
}

TEST_F(EngineCoreTest, StopStringsEndTheTextBeforeThemselves) {
  SequenceOutput free_run = run_one(core_request("free", 10, 60));
  std::string stop = free_run.text.substr(20, 4);
  size_t at = free_run.text.find(stop);
  EngineRequest made = core_request("a", 10, 60);
  made.params.stop = {stop, "never"};
  SequenceOutput out = run_one(made);
  EXPECT_EQ(out.finish_reason, FinishReason::kStop);
  EXPECT_EQ(std::get<std::string>(out.stop_reason), stop);
  EXPECT_EQ(out.text, free_run.text.substr(0, at));
  made.id = "b";
  made.params.include_stop_text = true;
  EXPECT_EQ(run_one(made).text, free_run.text.substr(0, at + stop.size()));
}

TEST_F(EngineCoreTest, TextHeldForAStopStringComesAtTheEnd) {
  SequenceOutput free_run = run_one(core_request("free", 10, 20));
  EngineRequest made = core_request("a", 10, 20);
  made.params.stop = {free_run.text + "and more"};
  SequenceOutput out = run_one(made);
  EXPECT_EQ(out.finish_reason, FinishReason::kLength);
  EXPECT_EQ(out.text, free_run.text);
}

TEST_F(EngineCoreTest, MinTokensHoldsOffEveryKindOfStop) {
  SequenceOutput free_run = run_one(core_request("free", 10, 60));
  EngineRequest made = core_request("a", 10, 60);
  made.params.min_tokens = 30;
  made.params.stop = {"a", "b", "c", "d", "e"};
  SequenceOutput out = run_one(made);
  EXPECT_GT(out.tokens.size(), 30u);
  EXPECT_LT(out.tokens.size(), 60u);
  made.id = "b";
  made.params.stop.clear();
  for (TokenId token = 0; token < 64; token += 2) made.params.stop_tokens.push_back(token);
  out = run_one(made);
  EXPECT_GE(out.tokens.size(), 30u);
  EXPECT_LT(out.tokens.size(), 60u);
}

TEST_F(EngineCoreTest, EndsWithLengthWhereTheContextEnds) {
  EngineRequest made = core_request("a", 200, 0);
  made.params.max_tokens.reset();
  SequenceOutput out = run_one(made);
  EXPECT_EQ(out.tokens.size(), 56u);
  EXPECT_EQ(out.finish_reason, FinishReason::kLength);
  made = core_request("b", 200, 1000);
  EXPECT_EQ(run_one(made).tokens.size(), 56u);
}

TEST_F(EngineCoreTest, ZeroMaxTokensGivesOnlyThePromptsLogprobs) {
  EngineRequest made = core_request("a", 40, 0);
  made.params.prompt_logprobs = 2;
  made.params.n = 2;
  add(made);
  RequestOutput out = run().at("a");
  ASSERT_EQ(out.prompt_logprobs.size(), 40u);
  EXPECT_FALSE(out.prompt_logprobs[0]);
  for (size_t i = 1; i < 40; ++i) {
    ASSERT_TRUE(out.prompt_logprobs[i]);
    EXPECT_EQ(out.prompt_logprobs[i]->chosen.token, made.prompt[i]);
    EXPECT_EQ(out.prompt_logprobs[i]->top.size(), 2u);
  }
  ASSERT_EQ(out.sequences.size(), 2u);
  for (const auto& sequence : out.sequences) {
    EXPECT_THAT(sequence.tokens, IsEmpty());
    EXPECT_EQ(sequence.finish_reason, FinishReason::kLength);
  }
}

TEST_F(EngineCoreTest, CountsCachedTokensOfThePromptAndKeepsSaltsApart) {
  add(core_request("cold", 50, 5));
  EXPECT_EQ(run().at("cold").usage.cached_tokens, 0);
  add(core_request("warm", 50, 5));
  EXPECT_EQ(run().at("warm").usage.cached_tokens, 48);
  EngineRequest salted = core_request("salted", 50, 5);
  salted.cache_salt = "tenant";
  add(salted);
  EXPECT_EQ(run().at("salted").usage.cached_tokens, 0);
  EXPECT_EQ(core_->stats().prefix_queries_tokens, 150u);
  EXPECT_EQ(core_->stats().prefix_hits_tokens, 48u);
}

TEST_F(EngineCoreTest, PromptLogprobsDoNotReadTheCache) {
  EngineRequest made = core_request("a", 50, 5);
  made.params.prompt_logprobs = 0;
  add(made);
  auto cold = run().at("a");
  made.id = "b";
  add(made);
  auto again = run().at("b");
  EXPECT_EQ(again.usage.cached_tokens, 0);
  ASSERT_EQ(again.prompt_logprobs.size(), 50u);
  for (size_t i = 1; i < 50; ++i) {
    EXPECT_EQ(again.prompt_logprobs[i]->chosen.logprob, cold.prompt_logprobs[i]->chosen.logprob);
  }
}

TEST_F(EngineCoreTest, CancelFreesEverythingInEveryStage) {
  EngineOptions options;
  options.max_num_seqs = 2;
  for (int steps = 0; steps < 6; ++steps) {
    start(options);
    for (const char* id : {"a", "b", "waiting"}) {
      EngineRequest made = core_request(id, 100, 50);
      made.params.n = id[0] == 'a' ? 2 : 1;
      add(made);
    }
    for (int i = 0; i < steps; ++i) step();
    for (const char* id : {"waiting", "a", "b", "unknown"}) core_->cancel(id);
    EXPECT_EQ(core_->cache().num_free_blocks(), 256);
    auto outputs = step();
    ASSERT_EQ(outputs.size(), 3u);
    for (const auto& output : outputs) {
      EXPECT_TRUE(output.finished);
      EXPECT_FALSE(output.error);
      ASSERT_FALSE(output.sequences.empty());
      for (const auto& sequence : output.sequences) {
        EXPECT_EQ(sequence.finish_reason, FinishReason::kAbort);
      }
    }
    EXPECT_FALSE(core_->has_work());
  }
}

TEST_F(EngineCoreTest, ADeadlineEndsARequestWithItsError) {
  EngineRequest made = core_request("a", 10, 200);
  made.deadline = clock_.now() + std::chrono::milliseconds(5);
  add(made);
  RequestOutput out = run().at("a");
  ASSERT_TRUE(out.error);
  EXPECT_EQ(out.error->code(), ErrorCode::kDeadlineExceeded);
  EXPECT_EQ(out.sequences[0].tokens.size(), 4u);
}

TEST_F(EngineCoreTest, AFailedStepFailsItsRequestsAndNothingElse) {
  EngineOptions options;
  options.max_num_seqs = 1;
  start(options);
  add(core_request("a", 10, 5));
  add(core_request("b", 10, 5));
  runner_->before_forward = [&](const StepBatch&) -> Result<void> {
    runner_->before_forward = nullptr;
    return Error(ErrorCode::kInternal, "device lost");
  };
  auto out = run();
  EXPECT_EQ(out.at("a").error->message(), "device lost");
  EXPECT_FALSE(out.at("b").error);
  EXPECT_EQ(out.at("b").sequences[0].tokens.size(), 5u);
  runner_->before_logits = [&]() -> Result<void> {
    runner_->before_logits = nullptr;
    return Error(ErrorCode::kInternal, "no logits");
  };
  add(core_request("c", 10, 5));
  EXPECT_EQ(run().at("c").error->message(), "no logits");
}

TEST_F(EngineCoreTest, ContentsOfAFailedStepAreNotFound) {
  add(core_request("a", 60, 5));
  runner_->before_forward = [&](const StepBatch&) -> Result<void> {
    runner_->before_forward = nullptr;
    return Error(ErrorCode::kInternal, "device lost");
  };
  run();
  add(core_request("b", 60, 5));
  EXPECT_EQ(run().at("b").usage.cached_tokens, 0);
}

TEST_F(EngineCoreTest, MoreChoicesThanSlotsOrBlocksStillAllFinish) {
  RunnerLimits limits = FakeRunner::small_limits();
  limits.num_blocks = 40;
  EngineOptions options;
  options.max_num_seqs = 3;
  start(options, limits);
  EngineRequest made = core_request("a", 30, 30);
  made.params.n = 10;
  add(made);
  RequestOutput out = run().at("a");
  ASSERT_EQ(out.sequences.size(), 10u);
  for (const auto& sequence : out.sequences) EXPECT_EQ(sequence.tokens.size(), 30u);
  EXPECT_EQ(out.usage.completion_tokens, 300);
}

TEST_F(EngineCoreTest, RefusesWhatCanNeverWorkAndSaysWhy) {
  RunnerLimits limits = FakeRunner::small_limits();
  limits.num_blocks = 50;
  limits.kv_groups = {{1, 0}};  // 200 positions fit, 256 are possible
  start(EngineOptions{}, limits);
  auto message = [&](const EngineRequest& bad) {
    Result<void> checked = core_->check(bad);
    return checked.ok() ? std::string("ok") : checked.error().message();
  };
  EXPECT_EQ(message(core_request("a", 10, 20)), "ok");
  EXPECT_EQ(message(core_request("a", 150, 50)), "ok");
  EXPECT_THAT(message(core_request("a", 150, 51)),
              HasSubstr("more than the key/value memory can ever hold"));
  EXPECT_THAT(message(core_request("a", 0, 20)), HasSubstr("empty"));
  EXPECT_THAT(message(core_request("a", 200, 1)), HasSubstr("200 tokens; at most 199"));
  EXPECT_EQ(message(core_request("a", 200, 0)), "ok");
  EngineRequest bad = core_request("a", 10, 20);
  bad.prompt[3] = 64;
  EXPECT_THAT(message(bad), HasSubstr("token id 64"));
  bad = core_request("a", 10, 20);
  bad.params.temperature = -1;
  EXPECT_THAT(message(bad), HasSubstr("temperature"));
}

TEST_F(EngineCoreTest, RefusesSettingsThatCannotWork) {
  EngineOptions options;
  options.max_num_seqs = 32;
  options.max_num_batched_tokens = 16;
  auto core = EngineCore::create(options, *runner_, tokenizer_, {}, clock_, nullptr);
  ASSERT_FALSE(core.ok());
  EXPECT_THAT(core.error().message(), HasSubstr("max_num_batched_tokens (16)"));
}

class CountingObserver final : public EngineObserver {
 public:
  void on_step(const EngineStats& stats, int rows, double seconds) override {
    steps += 1;
    all_rows += rows;
    EXPECT_GE(seconds, 0);
    EXPECT_LE(stats.kv_blocks_free, stats.kv_blocks_total);
  }
  void on_finish(const RequestOutput& last, const EngineRequest& request) override {
    EXPECT_TRUE(last.finished);
    finished.push_back(request.id);
  }
  int steps = 0, all_rows = 0;
  std::vector<std::string> finished;
};

TEST_F(EngineCoreTest, TellsTheObserverStepsRowsAndEnds) {
  CountingObserver observer;
  start(EngineOptions{}, FakeRunner::small_limits(), &observer);
  add(core_request("a", 10, 5));
  run();
  EXPECT_EQ(observer.steps, 5);
  EXPECT_EQ(observer.all_rows, 14);
  EXPECT_THAT(observer.finished, ElementsAre("a"));
  EXPECT_EQ(core_->stats().generated_tokens, 5u);
  EXPECT_EQ(core_->stats().prompt_tokens, 10u);
  EXPECT_EQ(core_->stats().steps, 5u);
}

}  // namespace
}  // namespace trivet
