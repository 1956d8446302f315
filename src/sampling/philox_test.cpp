#include "sampling/philox.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace trivet {
namespace {

// Known answers of the algorithm's authors (Random123, kat_vectors).
TEST(Philox, GivesThePublishedAnswers) {
  EXPECT_EQ(philox4x32({0, 0, 0, 0}, {0, 0}),
            (std::array<uint32_t, 4>{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox4x32({~0u, ~0u, ~0u, ~0u}, {~0u, ~0u}),
            (std::array<uint32_t, 4>{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (std::array<uint32_t, 4>{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(UniformAt, FillsTheUnitIntervalEvenly) {
  std::array<int, 20> cells{};
  constexpr int kDraws = 100'000;
  for (int position = 0; position < kDraws; ++position) {
    const double u = uniform_at(7, position);
    ASSERT_GE(u, 0.0);
    ASSERT_LT(u, 1.0);
    ++cells[static_cast<size_t>(u * 20)];
  }
  double chi_square = 0;
  for (const int count : cells) chi_square += (count - 5000.0) * (count - 5000.0) / 5000.0;
  EXPECT_LT(chi_square, 43.8);  // 19 degrees of freedom, p = 0.001
}

TEST(UniformAt, DependsOnSeedAndPositionInFullWidth) {
  EXPECT_NE(uniform_at(1, 0), uniform_at(2, 0));
  EXPECT_NE(uniform_at(1, 0), uniform_at(1, 1));
  EXPECT_NE(uniform_at(1, 5), uniform_at(1 + (uint64_t{1} << 32), 5));
  EXPECT_NE(uniform_at(1, 5), uniform_at(1, 5 + (int64_t{1} << 32)));
}

}  // namespace
}  // namespace trivet
