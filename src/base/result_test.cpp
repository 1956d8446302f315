#include "base/result.h"

#include <gtest/gtest.h>

#include <memory>

namespace trivet {
namespace {

Result<int> half(int n) {
  if (n % 2 != 0) return Error(ErrorCode::kInvalidArgument, "odd: " + std::to_string(n));
  return n / 2;
}

Result<std::unique_ptr<int>> quarter(int n) {
  TRIVET_ASSIGN_OR_RETURN(int h, half(n));
  TRIVET_ASSIGN_OR_RETURN(int q, half(h));
  return std::make_unique<int>(q);
}

Result<void> check_even(int n) {
  TRIVET_RETURN_IF_ERROR(half(n));
  return {};
}

TEST(Result, CarriesAValueOrTheFirstError) {
  EXPECT_EQ(**quarter(8), 2);
  auto failed = quarter(6);
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().code(), ErrorCode::kInvalidArgument);
  EXPECT_EQ(failed.error().with_context("x").message(), "x: odd: 3");
  EXPECT_TRUE(check_even(2).ok());
  EXPECT_FALSE(check_even(3).ok());
}

TEST(ResultDeathTest, ValueOfAnErrorIsOurOwnMistake) {
  EXPECT_DEATH({ (void)half(3).value(); }, "odd: 3");
}

}  // namespace
}  // namespace trivet
