#include "sampling/logit_scan.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "sampling/testing/random_logits.h"

namespace trivet {
namespace {

TEST(ExpOfNonpositive, IsWithinTheStatedErrorOfTheTrueValue) {
  for (double t = -86.5 + 1e-5; t <= 0; t += 0.000937) {
    const auto x = static_cast<float>(t);
    const double truth = std::exp(double{x});
    ASSERT_NEAR(exp_of_nonpositive(x) / truth, 1.0, 2e-7) << x;
  }
}

TEST(ExpOfNonpositive, HandlesTheEnds) {
  EXPECT_EQ(exp_of_nonpositive(0.0f), 1.0f);
  EXPECT_EQ(exp_of_nonpositive(5.0f), 1.0f);
  EXPECT_EQ(exp_of_nonpositive(-86.6f), 0.0f);
  EXPECT_EQ(exp_of_nonpositive(-kInf), 0.0f);
  EXPECT_EQ(exp_of_nonpositive(kNan), 0.0f);
}

TEST(Argmax, FindsTheFirstGreatestWhereverItLies) {
  for (const size_t count : {1, 3, 15, 16, 17, 100}) {
    for (size_t place = 0; place < count; ++place) {
      std::vector<float> logits(count, -1.0f);
      logits[place] = 2.0f;
      if (place + 3 < count) logits[place + 3] = 2.0f;
      ASSERT_EQ(argmax(logits), static_cast<TokenId>(place)) << count;
    }
  }
}

TEST(Argmax, TreatsNanAsLeast) {
  EXPECT_EQ(argmax(std::vector<float>{kNan, -3.0f, kNan, -2.0f}), 3);
  EXPECT_EQ(argmax(std::vector<float>{kNan, -kInf}), 0);
  EXPECT_EQ(argmax(std::vector<float>{1.0f, kInf, kNan}), 1);
}

TEST(FindMax, CapsInfinityAndReportsThatNothingIsLeft) {
  EXPECT_EQ(find_max(std::vector<float>{1.0f, kInf}), std::numeric_limits<float>::max());
  EXPECT_EQ(find_max(std::vector<float>(33, kNan)), kMasked);
  EXPECT_EQ(find_max(std::vector<float>{kMasked, kMasked}), kMasked);
}

TEST(SumExp, EqualsTheSumInDoubleForAnyLength) {
  for (const size_t count : {1, 7, 16, 1000, 1024, 1025, 5003}) {
    const auto logits = random_logits(count, 4.0f, 1);
    const float max = find_max(logits);
    double truth = 0;
    for (const float x : logits) truth += std::exp((double{x} - max) * 0.7);
    EXPECT_NEAR(sum_exp(logits, max, 0.7f) / truth, 1.0, 1e-6) << count;
  }
}

TEST(ReplaceByExp, LeavesTheSameBitsAsTheOtherFunctions) {
  const auto logits = random_logits(5003, 4.0f, 2);
  const float max = find_max(logits);
  auto weights = logits;
  std::vector<double> chunks;
  EXPECT_EQ(replace_by_exp(weights, max, 1.3f, chunks), sum_exp(logits, max, 1.3f));
  EXPECT_EQ(chunks.size(), 5u);
  for (size_t i = 0; i < logits.size(); ++i) {
    ASSERT_EQ(weights[i], exp_weight(logits[i], max, 1.3f));
  }
}

TEST(CountAbove, IsStrictAndIgnoresNan) {
  std::vector<float> logits(40, 1.0f);
  logits[0] = 2.0f;
  logits[17] = kNan;
  logits[39] = 3.0f;
  EXPECT_EQ(count_above(logits, 1.0f), 2u);
  EXPECT_EQ(count_above(logits, 0.0f), 39u);
  EXPECT_EQ(count_above(logits, 3.0f), 0u);
}

}  // namespace
}  // namespace trivet
