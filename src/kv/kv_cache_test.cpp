#include "kv/kv_cache.h"

#include <gtest/gtest.h>

#include <memory>
#include <numeric>
#include <random>
#include <set>
#include <vector>

namespace trivet {
namespace {

constexpr int kBlock = 4;

std::vector<TokenId> numbers(int count, int from = 0) {
  std::vector<TokenId> tokens(static_cast<size_t>(count));
  std::iota(tokens.begin(), tokens.end(), from);
  return tokens;
}

KvLayout layout(int blocks, std::vector<int> windows, int chunk = 64) {
  return {.block_tokens = kBlock,
          .num_blocks = blocks,
          .windows = std::move(windows),
          .max_chunk_tokens = chunk};
}

std::vector<BlockId> table(const KvSequence& sequence, int group = 0) {
  std::vector<BlockId> ids(static_cast<size_t>(sequence.num_blocks(group)), -2);
  sequence.copy_table(group, ids);
  return ids;
}

// Computes `tokens` in one go and gives the blocks back.
void compute(KvCache& cache, const std::vector<TokenId>& tokens, std::string_view salt = "") {
  KvSequence sequence(cache, salt);
  ASSERT_TRUE(sequence.grow(static_cast<int>(tokens.size())));
  sequence.commit(tokens, static_cast<int>(tokens.size()));
}

int hit(KvCache& cache, const std::vector<TokenId>& tokens, std::string_view salt = "") {
  KvSequence sequence(cache, salt);
  return sequence.attach_prefix(tokens, static_cast<int>(tokens.size()) - 1);
}

TEST(KvSequence, GrowsAllOrNothing) {
  KvCache cache(layout(5, {0, 0}), true);
  KvSequence sequence(cache, "");
  EXPECT_TRUE(sequence.grow(8));
  EXPECT_EQ(cache.num_free_blocks(), 1);
  EXPECT_FALSE(sequence.grow(9));
  EXPECT_EQ(cache.num_free_blocks(), 1);
  EXPECT_EQ(sequence.num_blocks(0), 2);
  sequence.release();
  EXPECT_EQ(cache.num_free_blocks(), 5);
}

TEST(PrefixCache, HitsFullBlocksAndLeavesAtLeastOneTokenToCompute) {
  KvCache cache(layout(16, {0}), true);
  compute(cache, numbers(10));
  EXPECT_EQ(hit(cache, numbers(10)), 8);
  EXPECT_EQ(hit(cache, numbers(8)), 4);
  EXPECT_EQ(hit(cache, numbers(100)), 8);
  EXPECT_EQ(hit(cache, numbers(10, 1)), 0);
  auto other = numbers(10);
  other[5] = 99;
  EXPECT_EQ(hit(cache, other), 4);
}

TEST(PrefixCache, SharesOneSetOfBlocks) {
  KvCache cache(layout(16, {0}), true);
  compute(cache, numbers(9));
  KvSequence a(cache, ""), b(cache, "");
  EXPECT_EQ(a.attach_prefix(numbers(9), 8), 8);
  EXPECT_EQ(b.attach_prefix(numbers(9), 8), 8);
  EXPECT_EQ(table(a), table(b));
  EXPECT_EQ(cache.num_free_blocks(), 14);
}

TEST(PrefixCache, NeverSharesAcrossSalts) {
  KvCache cache(layout(16, {0}), true);
  compute(cache, numbers(10), "alice");
  EXPECT_EQ(hit(cache, numbers(10), "bob"), 0);
  EXPECT_EQ(hit(cache, numbers(10), ""), 0);
  EXPECT_EQ(hit(cache, numbers(10), "alice"), 8);
}

TEST(PrefixCache, OffMeansNoHits) {
  KvCache cache(layout(16, {0}), false);
  compute(cache, numbers(10));
  EXPECT_EQ(hit(cache, numbers(10)), 0);
}

TEST(PrefixCache, EvictsTheEndOfAPrefixFirst) {
  KvCache cache(layout(6, {0}), true);
  compute(cache, numbers(16));
  KvSequence other(cache, "");
  ASSERT_TRUE(other.grow(12));  // two blanks and one of the cached
  EXPECT_EQ(hit(cache, numbers(100)), 12);
}

TEST(PrefixCache, PinnedPrefixesGoLast) {
  KvCache cache(layout(6, {0}), true);
  compute(cache, numbers(8));
  PrefixPin pin = cache.pin(numbers(8), "");
  EXPECT_EQ(pin.positions(), 8);
  compute(cache, numbers(16, 100));
  compute(cache, numbers(16, 200));
  EXPECT_EQ(hit(cache, numbers(9)), 8);
  pin.reset();
  compute(cache, numbers(24, 300));
  EXPECT_EQ(hit(cache, numbers(9)), 0);
  EXPECT_EQ(cache.num_free_blocks(), 6);
}

TEST(WindowGroup, GivesBackBlocksBehindTheWindow) {
  KvCache cache(layout(32, {0, 6}), true);
  KvSequence sequence(cache, "");
  ASSERT_TRUE(sequence.grow(16));
  sequence.commit(numbers(16), 16);
  // The row at 16 sees positions 11..16.
  EXPECT_EQ(table(sequence, 1)[0], kNoBlock);
  EXPECT_EQ(table(sequence, 1)[1], kNoBlock);
  EXPECT_NE(table(sequence, 1)[2], kNoBlock);
  EXPECT_EQ(cache.num_free_blocks(), 32 - 4 - 2);
}

TEST(WindowGroup, AHitNeedsOnlyTheBlocksInsideTheWindow) {
  KvCache cache(layout(12, {0, 6}), true);
  {
    KvSequence sequence(cache, "");
    ASSERT_TRUE(sequence.grow(16));
    sequence.commit(numbers(16), 16);  // blocks 0 and 1 of the window group are kept, but unheld
    std::vector<KvSequence> others;    // take everything that is free: those two are gone
    others.emplace_back(cache, "x");
    others.emplace_back(cache, "y");
    ASSERT_TRUE(others[0].grow(8));
    ASSERT_TRUE(others[1].grow(4));
    EXPECT_EQ(cache.num_free_blocks(), 0);
  }
  KvSequence again(cache, "");
  EXPECT_EQ(again.attach_prefix(numbers(20), 19), 16);
  EXPECT_EQ(table(again, 1)[1], kNoBlock);
  EXPECT_NE(table(again, 1)[2], kNoBlock);
  // At 8 positions the window would need block 0 and 1 of its group: no hit.
  EXPECT_EQ(hit(cache, numbers(12)), 0);
}

TEST(Fork, SharesFullBlocksAndCopiesThePartialOne) {
  KvCache cache(layout(16, {0, 6}), true);
  KvSequence sequence(cache, "");
  ASSERT_TRUE(sequence.grow(10));
  sequence.commit(numbers(10), 10);
  std::vector<BlockCopy> copies;
  auto twin = sequence.fork(&copies);
  ASSERT_TRUE(twin);
  ASSERT_EQ(copies.size(), 2u);  // one per group
  for (int group : {0, 1}) {
    auto mine = table(sequence, group), theirs = table(*twin, group);
    EXPECT_EQ(mine[0], theirs[0]);
    EXPECT_EQ(mine[1], theirs[1]);
    EXPECT_NE(mine[2], theirs[2]);
    EXPECT_EQ(copies[static_cast<size_t>(group)].from, mine[2]);
    EXPECT_EQ(copies[static_cast<size_t>(group)].to, theirs[2]);
  }
  EXPECT_EQ(twin->computed(), 10);
}

TEST(Fork, FailsCleanlyWhenThePoolIsDry) {
  KvCache cache(layout(7, {0, 0}), true);
  KvSequence sequence(cache, "");
  ASSERT_TRUE(sequence.grow(10));
  sequence.commit(numbers(10), 10);
  std::vector<BlockCopy> copies;
  EXPECT_FALSE(sequence.fork(&copies));
  EXPECT_TRUE(copies.empty());
  EXPECT_EQ(cache.num_free_blocks(), 1);
}

// Many sequences with few distinct tokens, so that prefixes meet, in a pool that is far too small.
class RandomTraffic : public ::testing::TestWithParam<std::vector<int>> {};

struct Live {
  std::vector<TokenId> tokens;
  KvSequence kv;
};

// A block may be held by several sequences only where all of them have computed it.
void expect_writable_blocks_have_one_owner(const std::vector<Live>& live, int groups) {
  std::set<BlockId> written, shared;
  for (const Live& one : live) {
    for (int group = 0; group < groups; ++group) {
      auto ids = table(one.kv, group);
      for (size_t block = 0; block < ids.size(); ++block) {
        if (ids[block] == kNoBlock) continue;
        bool full = static_cast<int>(block + 1) * kBlock <= one.kv.computed();
        if (full) {
          shared.insert(ids[block]);
        } else {
          EXPECT_TRUE(written.insert(ids[block]).second);
        }
      }
    }
  }
  for (BlockId id : written) EXPECT_FALSE(shared.contains(id));
}

TEST_P(RandomTraffic, KeepsOwnersApartAndReferencesBalanced) {
  std::mt19937 random(7);
  auto below = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
  int groups = static_cast<int>(GetParam().size());
  KvCache cache(layout(40, GetParam(), 8), true);
  std::vector<Live> live;
  std::vector<BlockCopy> copies;
  uint64_t hits = 0;
  for (int round = 0; round < 4000; ++round) {
    int action = below(10);
    if (live.size() < 6 && action < 3) {
      std::vector<TokenId> tokens(static_cast<size_t>(2 + below(30)));
      for (auto& token : tokens) token = below(8) == 0;
      Live one{std::move(tokens), KvSequence(cache, below(2) == 0 ? "" : "s")};
      hits += static_cast<uint64_t>(
          one.kv.attach_prefix(one.tokens, static_cast<int>(one.tokens.size()) - 1));
      live.push_back(std::move(one));
    } else if (!live.empty() && action < 8) {
      Live& one = live[static_cast<size_t>(below(static_cast<int>(live.size())))];
      int rows = 1 + below(8);
      int target = one.kv.computed() + rows;
      while (static_cast<int>(one.tokens.size()) < target) one.tokens.push_back(below(2));
      if (one.kv.grow(target)) one.kv.commit(one.tokens, target);
    } else if (!live.empty() && action == 8 && live.size() < 6) {
      auto twin = live[0].kv.fork(&copies);
      if (twin) live.push_back({live[0].tokens, std::move(*twin)});
    } else if (!live.empty()) {
      live.erase(live.begin() + below(static_cast<int>(live.size())));
    }
    expect_writable_blocks_have_one_owner(live, groups);
  }
  EXPECT_GT(hits, 0u);
  live.clear();
  EXPECT_EQ(cache.num_free_blocks(), 40);
  for (BlockId id = 0; id < 40; ++id) EXPECT_EQ(cache.pool().num_shares(id), 0);
}

INSTANTIATE_TEST_SUITE_P(Groups, RandomTraffic,
                         ::testing::Values(std::vector<int>{0}, std::vector<int>{0, 6},
                                           std::vector<int>{6, 9}, std::vector<int>{1}));

}  // namespace
}  // namespace trivet
