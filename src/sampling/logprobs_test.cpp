#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "sampling/logit_scan.h"
#include "sampling/sampler.h"
#include "sampling/testing/random_logits.h"

namespace trivet {
namespace {

TEST(ComputeLogprobs, EqualsLogSoftmax) {
  std::mt19937 random(3);
  std::normal_distribution<float> normal(0.0f, 5.0f);
  std::vector<float> logits(3001);
  for (float& x : logits) x = normal(random);
  double sum = 0;
  for (const float x : logits) sum += std::exp(double{x});
  const auto result = compute_logprobs(logits, 1234, 20);
  EXPECT_NEAR(result.chosen.logprob, logits[1234] - std::log(sum), 1e-5);
  ASSERT_EQ(result.top.size(), 20u);
  for (size_t i = 0; i < 20; ++i) {
    const TokenLogprob& top = result.top[i];
    EXPECT_NEAR(top.logprob, logits[static_cast<size_t>(top.token)] - std::log(sum), 1e-5);
    EXPECT_EQ(top.rank, static_cast<int>(i) + 1);
    EXPECT_EQ(compute_logprobs(logits, top.token, 0).chosen.rank, top.rank);
    if (i > 0) {
      EXPECT_LE(top.logprob, result.top[i - 1].logprob);
    }
  }
}

TEST(ComputeLogprobs, RanksTiesByTokenId) {
  const std::vector<float> logits = {1.0f, 5.0f, 3.0f, 5.0f, 3.0f};
  EXPECT_EQ(compute_logprobs(logits, 1, 0).chosen.rank, 1);
  EXPECT_EQ(compute_logprobs(logits, 3, 0).chosen.rank, 2);
  EXPECT_EQ(compute_logprobs(logits, 2, 0).chosen.rank, 3);
  EXPECT_EQ(compute_logprobs(logits, 4, 0).chosen.rank, 4);
  EXPECT_EQ(compute_logprobs(logits, 0, 0).chosen.rank, 5);
  const auto top = compute_logprobs(logits, 0, 3).top;
  ASSERT_EQ(top.size(), 3u);
  EXPECT_EQ(top[0].token, 1);
  EXPECT_EQ(top[1].token, 3);
  EXPECT_EQ(top[2].token, 2);
}

TEST(ComputeLogprobs, GivesTheWholeVocabularyOnRequest) {
  const std::vector<float> logits = {0.0f, kMasked, 2.0f, kNan};
  const auto top = compute_logprobs(logits, 0, kAllLogprobs).top;
  ASSERT_EQ(top.size(), 4u);
  EXPECT_EQ(top[0].token, 2);
  EXPECT_EQ(top[1].token, 0);
  EXPECT_EQ(top[2].token, 1);
  EXPECT_EQ(top[2].logprob, kMasked);
  EXPECT_EQ(top[3].logprob, kMasked);
}

TEST(ComputeLogprobs, NeverReturnsNan) {
  const std::vector<float> none(50, kNan);
  const auto masked = compute_logprobs(none, 7, 5);
  EXPECT_EQ(masked.chosen.logprob, kMasked);
  EXPECT_EQ(masked.chosen.rank, 8);
  EXPECT_TRUE(masked.top.empty());

  const std::vector<float> infinite = {0.0f, kInf, kInf};
  const auto split = compute_logprobs(infinite, 2, 2);
  EXPECT_NEAR(split.chosen.logprob, std::log(0.5), 1e-6);
  EXPECT_EQ(split.chosen.rank, 2);
  EXPECT_NEAR(split.top[0].logprob, std::log(0.5), 1e-6);
}

TEST(ComputeLogprobs, SurvivesATokenOutsideTheVocabulary) {
  const std::vector<float> logits = {0.0f, 1.0f};
  EXPECT_EQ(compute_logprobs(logits, 2, 1).chosen.logprob, kMasked);
  EXPECT_EQ(compute_logprobs(logits, -1, 1).chosen.rank, 2);
}

}  // namespace
}  // namespace trivet
