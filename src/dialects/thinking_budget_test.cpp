#include "dialects/thinking_budget.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "dialects/answer_grammar.h"
#include "text/testdata/golden_files.h"

namespace trivet {
namespace {

class ThinkingBudgetTest : public testing::Test {
 protected:
  ThinkingBudgetTest() {
    Vocabulary vocabulary = read_golden_vocabulary("byte_pair_vocabulary.json");
    vocabulary.pre = "qwen2";
    tokenizer_ = std::move(Tokenizer::from_vocabulary(vocabulary)).value();
    const std::vector<TokenId> ends = {*tokenizer_->find("<|im_end|>")};
    compiler_ = std::move(GrammarCompiler::create(*tokenizer_, ends)).value();
    format_.reasoning = reasoning_named("think")->tags;
    closing_ = tokens("</think>");
  }

  std::vector<TokenId> tokens(std::string_view text) const {
    return *tokenizer_->encode(text, {.add_special_tokens = false});
  }
  std::unique_ptr<Grammar> start(int budget) const {
    const std::string source = answer_grammar(format_, {}, *tokenizer_);
    auto grammar = std::move(compiler_->compile_shared(GrammarKind::kLark, source)).value();
    return std::move(with_thinking_budget(grammar, format_, budget, *tokenizer_)->clone()).value();
  }
  std::vector<TokenId> allowed(Grammar& grammar) const {
    std::vector<uint32_t> mask(static_cast<size_t>(tokenizer_->vocab_size()) / 32 + 1);
    EXPECT_TRUE(grammar.fill_mask(mask).ok());
    std::vector<TokenId> result;
    for (TokenId t = 0; t < tokenizer_->vocab_size(); ++t) {
      if (mask[static_cast<size_t>(t) / 32] >> (t % 32) & 1) result.push_back(t);
    }
    return result;
  }
  void take(Grammar& grammar, std::span<const TokenId> ids) const {
    ASSERT_EQ(*grammar.accept(ids), ids.size());
  }

  std::unique_ptr<Tokenizer> tokenizer_;
  std::unique_ptr<GrammarCompiler> compiler_;
  MessageFormat format_;
  std::vector<TokenId> closing_;
};

TEST_F(ThinkingBudgetTest, OnlyTheEndTagFollowsASpentBudget) {
  const auto grammar = start(3);
  take(*grammar, tokens("<think>"));
  const std::vector<TokenId> thought = tokens("aXbYc");
  ASSERT_EQ(thought.size(), 5u);
  take(*grammar, std::span(thought).first(2));
  EXPECT_GT(allowed(*grammar).size(), 100u);
  ASSERT_EQ(*grammar->accept(std::span(thought).subspan(2)), 1u) << "the third, not the fourth";
  for (const TokenId token : closing_) {
    EXPECT_EQ(allowed(*grammar), std::vector<TokenId>{token});
    EXPECT_EQ(*grammar->accept_within(thought[0], 50), Grammar::Offer::kForbidden);
    EXPECT_EQ(*grammar->accept_within(token, 50), Grammar::Offer::kAccepted);
  }
  EXPECT_GT(allowed(*grammar).size(), 100u);
  take(*grammar, tokens("and now whatever comes, as long as it likes"));
  EXPECT_TRUE(*grammar->is_accepting());
}

TEST_F(ThinkingBudgetTest, ReasoningThatEndsInTimeIsLeftAlone) {
  const auto grammar = start(10);
  take(*grammar, tokens("<think>Hm</think>some words that are more than ten tokens long, surely"));
  EXPECT_TRUE(*grammar->is_accepting());
}

TEST_F(ThinkingBudgetTest, TextWithoutReasoningIsLeftAlone) {
  const auto grammar = start(2);
  take(*grammar, tokens("some words that are more than two tokens long <think> and more words"));
  EXPECT_TRUE(*grammar->is_accepting());
}

TEST_F(ThinkingBudgetTest, ReasoningThatThePromptBeganCounts) {
  format_.begins_with_reasoning = true;
  const auto grammar = start(0);
  EXPECT_EQ(allowed(*grammar), std::vector<TokenId>{closing_[0]});
}

TEST_F(ThinkingBudgetTest, CharactersAreNotCut) {
  format_.begins_with_reasoning = true;
  const auto grammar = start(1);
  const std::vector<TokenId> fox = tokens("🦊");
  ASSERT_GT(fox.size(), 1u) << "this vocabulary spells it in bytes";
  for (const TokenId token : fox) {
    EXPECT_NE(allowed(*grammar), std::vector<TokenId>{closing_[0]});
    take(*grammar, {&token, 1});
  }
  EXPECT_EQ(allowed(*grammar), std::vector<TokenId>{closing_[0]});
}

TEST_F(ThinkingBudgetTest, RollbackAndClonesKeepTheCount) {
  format_.begins_with_reasoning = true;
  const auto grammar = start(2);
  const std::vector<TokenId> thought = tokens("aX");
  take(*grammar, thought);
  const auto copy = std::move(grammar->clone()).value();
  EXPECT_EQ(allowed(*copy), std::vector<TokenId>{closing_[0]});
  ASSERT_TRUE(grammar->rollback(1).ok());
  EXPECT_GT(allowed(*grammar).size(), 100u);
  take(*grammar, std::span(thought).last(1));
  take(*grammar, closing_);
  take(*grammar, tokens("done"));
  ASSERT_TRUE(grammar->rollback(tokens("done").size() + closing_.size()).ok());
  EXPECT_EQ(allowed(*grammar), std::vector<TokenId>{closing_[0]});
  EXPECT_FALSE(grammar->rollback(100).ok());
}

}  // namespace
}  // namespace trivet
