#include "kv/capacity.h"

#include <gtest/gtest.h>

namespace trivet {
namespace {

KvLayout layout(std::vector<int> windows, int chunk = 1) {
  return {.block_tokens = 16,
          .num_blocks = 100,
          .windows = std::move(windows),
          .max_chunk_tokens = chunk};
}

TEST(BlocksNeeded, CountsPositionsNotTokens) {
  EXPECT_EQ(blocks_needed(layout({0}), 16, 1, 1), 1);  // the last token needs no position
  EXPECT_EQ(blocks_needed(layout({0}), 16, 2, 1), 2);
  EXPECT_EQ(blocks_needed(layout({0}), 16, 0, 1), 1);  // prompt only
  EXPECT_EQ(blocks_needed(layout({0}), 17, 16, 1), 2);
  EXPECT_EQ(blocks_needed(layout({0, 0}), 17, 16, 1), 4);
}

TEST(BlocksNeeded, ChoicesShareTheFullBlocksOfThePrompt) {
  EXPECT_EQ(blocks_needed(layout({0}), 40, 9, 3), 2 + 3 * 1);
  EXPECT_EQ(blocks_needed(layout({0}), 32, 17, 3), 2 + 3 * 1);
}

// Walks through a sequence in chunks and counts what a window group really holds.
int simulated_peak(int window, int chunk, int positions, int offset) {
  int peak = 0;
  for (int at = 0; at < positions;) {
    int rows = std::min(at == 0 ? std::min(offset, chunk) : chunk, positions - at);
    int first = std::max(0, at - window + 1) / 16;
    int last = (at + rows - 1) / 16;
    peak = std::max(peak, last - first + 1);
    at += rows;
  }
  return peak;
}

TEST(BlocksNeeded, BoundsAWindowGroupTightly) {
  for (int window : {1, 2, 15, 16, 17, 33, 64}) {
    for (int chunk : {1, 2, 16, 31, 64}) {
      for (int positions : {1, 5, 40, 300}) {
        int bound = peak_blocks(layout({window}, chunk), 0, positions);
        int highest = 0;
        for (int offset = 1; offset <= 16; ++offset) {
          highest = std::max(highest, simulated_peak(window, chunk, positions, offset));
        }
        EXPECT_GE(bound, highest) << window << " " << chunk << " " << positions;
        EXPECT_LE(bound, highest + 1) << window << " " << chunk << " " << positions;
      }
    }
  }
}

TEST(BlocksNeeded, SaturatesInsteadOfOverflowing) {
  EXPECT_EQ(blocks_needed(layout({0, 0}), 1 << 30, 1 << 30, 128), 2147483647);
}

TEST(MaxPositionsThatFit, IsTheLargestThatFits) {
  KvLayout full = layout({0, 0});
  EXPECT_EQ(max_positions_that_fit(full, 10000), 50 * 16);
  EXPECT_EQ(max_positions_that_fit(full, 77), 77);
  KvLayout mixed = layout({0, 64}, 32);
  int most = max_positions_that_fit(mixed, 1 << 20);
  EXPECT_LE(blocks_needed(mixed, most, 1, 1), 100);
  EXPECT_GT(blocks_needed(mixed, most + 1, 1, 1), 100);
  KvLayout window_only = layout({64}, 32);
  EXPECT_EQ(max_positions_that_fit(window_only, 1 << 20), 1 << 20);
}

}  // namespace
}  // namespace trivet
