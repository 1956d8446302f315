#include "scheduler/step_cost.h"

#include <gtest/gtest.h>

namespace trivet {
namespace {

using std::chrono::milliseconds;

TEST(StepCost, KnowsNothingAtFirst) {
  const StepCost cost;
  EXPECT_EQ(cost.of(64), Duration::zero());
  EXPECT_EQ(cost.rows_within(milliseconds(1), 256), 256);
}

TEST(StepCost, DrawsLinesBetweenWhatItHasSeen) {
  StepCost cost;
  cost.observe(4, milliseconds(20));
  cost.observe(64, milliseconds(80));
  EXPECT_EQ(cost.of(4), milliseconds(20));
  EXPECT_EQ(cost.of(34), milliseconds(50));
  EXPECT_EQ(cost.of(1), milliseconds(20)) << "a smaller step is not known to be faster";
  EXPECT_EQ(cost.of(128), milliseconds(160)) << "a larger one costs as much for each row";
}

TEST(StepCost, FindsTheMostRowsWithinATime) {
  StepCost cost;
  cost.observe(4, milliseconds(20));
  cost.observe(64, milliseconds(80));
  EXPECT_EQ(cost.rows_within(milliseconds(50), 256), 34);
  EXPECT_EQ(cost.rows_within(milliseconds(160), 256), 128);
  EXPECT_EQ(cost.rows_within(milliseconds(900), 256), 256);
  EXPECT_EQ(cost.rows_within(milliseconds(1), 256), 1);
}

TEST(StepCost, FollowsALastingChangeAndForgetsAHiccup) {
  StepCost cost;
  for (int i = 0; i < 50; ++i) cost.observe(8, milliseconds(10));
  cost.observe(8, std::chrono::seconds(5));
  EXPECT_LT(cost.of(8), milliseconds(14));
  for (int i = 0; i < 50; ++i) cost.observe(8, milliseconds(30));
  EXPECT_GT(cost.of(8), milliseconds(29));
}

}  // namespace
}  // namespace trivet
