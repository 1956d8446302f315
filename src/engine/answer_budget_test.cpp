#include "engine/answer_budget.h"

#include <gtest/gtest.h>

namespace trivet {
namespace {

constexpr int kVocabulary = 50000;
constexpr int kLongest = 2048;

EngineRequest request_with(size_t prompt_tokens, std::optional<int> max_tokens) {
  EngineRequest request;
  request.id = "r";
  request.prompt.assign(prompt_tokens, 1);
  request.params.max_tokens = max_tokens;
  request.stream = false;
  return request;
}

TEST(WorstAnswerBytes, CountsEveryEntryThatMayBeWritten) {
  EngineRequest request = request_with(10, 20);
  EXPECT_EQ(worst_answer_bytes(request, kVocabulary, kLongest), 0u);
  request.params.logprobs = 4;
  const uint64_t entry = worst_answer_bytes(request, kVocabulary, kLongest) / (5 * 20);
  EXPECT_GE(entry, 100u);
  request.params.n = 3;
  EXPECT_EQ(worst_answer_bytes(request, kVocabulary, kLongest), entry * 5 * 20 * 3);
  request.params.prompt_logprobs = kAllLogprobs;
  EXPECT_EQ(worst_answer_bytes(request, kVocabulary, kLongest),
            entry * (5 * 20 * 3 + uint64_t{kVocabulary + 1} * 10));
}

TEST(WorstAnswerBytes, GoesToTheEndOfTheContextWithoutALimitAndHoldsOneTokenOfAStream) {
  EngineRequest request = request_with(48, std::nullopt);
  request.params.logprobs = 0;
  const uint64_t whole = worst_answer_bytes(request, kVocabulary, kLongest);
  request.stream = true;
  EXPECT_EQ(whole, worst_answer_bytes(request, kVocabulary, kLongest) * 2000);
}

TEST(AnswerBudget, RefusesWhatCanNeverFitAndPutsOffWhatDoesNotFitNow) {
  constexpr uint64_t kMiB = 1 << 20;
  AnswerBudget budget(10 * kMiB);
  EXPECT_EQ(budget.reserve("a", 11 * kMiB).error().code(), ErrorCode::kInvalidArgument);
  ASSERT_TRUE(budget.reserve("b", 7 * kMiB));
  EXPECT_EQ(budget.reserve("c", 4 * kMiB).error().code(), ErrorCode::kResourceExhausted);
  EXPECT_TRUE(budget.reserve("small", kMiB - 1));
  EXPECT_EQ(budget.reserved_bytes(), 7 * kMiB);
  budget.release("b");
  budget.release("b");
  budget.release("small");
  EXPECT_EQ(budget.reserved_bytes(), 0u);
  EXPECT_TRUE(budget.reserve("c", 10 * kMiB));
}

}  // namespace
}  // namespace trivet
