// Requests with a grammar, through the engine without its thread.
#include "engine/token_constraint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/engine_core.h"
#include "engine/fake_runner.h"
#include "engine/fake_tokenizer.h"

namespace trivet {
namespace {

using ::testing::HasSubstr;

class TokenConstraintTest : public ::testing::Test {
 protected:
  TokenConstraintTest() {
    const std::vector<TokenId> ends = {FakeTokenizer::kEnd};
    compiler_ = std::move(GrammarCompiler::create(tokenizer_, ends)).value();
    core_ =
        std::move(EngineCore::create(EngineOptions{}, runner_, tokenizer_, ends, clock_, nullptr))
            .value();
  }

  EngineRequest request(GrammarKind kind, const char* source, int max_tokens) const {
    EngineRequest made;
    made.id = "r";
    made.prompt = {8, 9, 10, 11};
    made.params.max_tokens = max_tokens;
    made.params.seed = 3;
    made.params.grammar = compiler_->compile_shared(kind, source).value();
    return made;
  }

  // The outputs of the request, joined by choice.
  std::vector<SequenceOutput> run(EngineRequest made) {
    std::vector<SequenceOutput> choices(static_cast<size_t>(made.params.n));
    core_->add(std::move(made), clock_.now());
    while (core_->has_work()) {
      for (RequestOutput& output : core_->step()) {
        error_ = output.error;
        for (const SequenceOutput& news : output.sequences) {
          SequenceOutput& whole = choices.at(static_cast<size_t>(news.index));
          whole.text += news.text;
          whole.tokens.insert(whole.tokens.end(), news.tokens.begin(), news.tokens.end());
          whole.logprobs.insert(whole.logprobs.end(), news.logprobs.begin(), news.logprobs.end());
          whole.finish_reason = news.finish_reason;
        }
      }
    }
    return choices;
  }

  FakeTokenizer tokenizer_;
  FakeRunner runner_{FakeRunner::small_limits()};
  VirtualClock clock_;
  std::unique_ptr<GrammarCompiler> compiler_;
  std::unique_ptr<EngineCore> core_;
  std::optional<Error> error_;
};

TEST_F(TokenConstraintTest, ATextThatNothingCanFollowStops) {
  const auto choices = run(request(GrammarKind::kRegex, "(abc|e{5})d", 50));
  EXPECT_TRUE(choices[0].text == "abcd" || choices[0].text == "eeeeed") << choices[0].text;
  EXPECT_EQ(choices[0].finish_reason, FinishReason::kStop);
}

TEST_F(TokenConstraintTest, ATextThatIsCutIsCompletedWithinItsBudget) {
  for (int budget = 4; budget < 20; ++budget) {
    const auto choices = run(request(
        GrammarKind::kLark, "start: \"abc\" /[de]{30,}/ | \"a\" start \"b\" | \"ccde\"", budget));
    const std::string& text = choices[0].text;
    EXPECT_LE(choices[0].tokens.size(), static_cast<size_t>(budget));
    const auto middle = text.find("ccde");
    ASSERT_NE(middle, std::string::npos) << text;
    EXPECT_EQ(text, std::string(middle, 'a') + "ccde" + std::string(middle, 'b'));
  }
}

TEST_F(TokenConstraintTest, ABudgetThatFitsNoTextGivesTheBeginningOfTheShortest) {
  const auto choices = run(request(GrammarKind::kRegex, "(abcde){3}|a{40}", 7));
  EXPECT_EQ(choices[0].text, "abcdeab");
  EXPECT_EQ(choices[0].finish_reason, FinishReason::kLength);
}

TEST_F(TokenConstraintTest, ForcedTokensShareAForwardPass) {
  const char* regex = "(a|b)(cdeab){8}e";
  const auto fast = run(request(GrammarKind::kRegex, regex, 100));
  const int passes = runner_.num_forwards;
  EXPECT_LT(passes, 10);
  EngineRequest slow = request(GrammarKind::kRegex, regex, 100);
  slow.params.logprobs = 0;
  const auto one_by_one = run(std::move(slow));
  EXPECT_GT(runner_.num_forwards - passes, 40);
  EXPECT_EQ(one_by_one[0].tokens, fast[0].tokens);
  EXPECT_EQ(one_by_one[0].logprobs.size(), fast[0].tokens.size());
}

TEST_F(TokenConstraintTest, ChoicesGoTheirOwnWays) {
  EngineRequest made = request(GrammarKind::kRegex, "[a-e]{3}(abcde){0,4}", 40);
  made.params.n = 5;
  std::set<std::string> texts;
  for (const SequenceOutput& choice : run(std::move(made))) {
    texts.insert(choice.text);
    EXPECT_EQ((choice.text.size() - 3) % 5, 0u) << choice.text;
  }
  EXPECT_GT(texts.size(), 1u);
}

TEST_F(TokenConstraintTest, AGrammarAtItsLimitEndsTheRequestWithTheReason) {
  // Each letter doubles what is possible, until a limit is reached.
  const auto choices =
      run(request(GrammarKind::kLark, "start: s\ns: s s s | s s | \"a\" | \"b\"", 200));
  if (error_) {
    EXPECT_THAT(error_->message(), HasSubstr("grammar"));
    EXPECT_EQ(choices[0].finish_reason, FinishReason::kAbort);
  } else {
    EXPECT_FALSE(choices[0].text.empty());
  }
}

TEST_F(TokenConstraintTest, CancellingWaitsForTheWorker) {
  for (int i = 0; i < 50; ++i) {
    EngineRequest made = request(GrammarKind::kRegex, "[a-e]*", 100);
    made.params.ignore_eos = true;
    core_->add(std::move(made), clock_.now());
    for (int step = 0; step < i % 7; ++step) (void)core_->step();
    core_->cancel("r");
    (void)core_->step();
    EXPECT_FALSE(core_->has_work());
  }
}

}  // namespace
}  // namespace trivet
