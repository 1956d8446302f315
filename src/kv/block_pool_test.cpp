#include "kv/block_pool.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace trivet {
namespace {

using ::testing::ElementsAre;

std::vector<BlockId> take_all(BlockPool& pool, std::vector<BlockRef>* refs) {
  std::vector<BlockId> ids;
  while (auto block = pool.take()) {
    ids.push_back(block->id());
    refs->push_back(std::move(*block));
  }
  return ids;
}

TEST(BlockPool, GivesEachBlockOnceAndTakesItBackWithTheLastShare) {
  BlockPool pool(2);
  auto a = pool.take();
  auto b = pool.take();
  ASSERT_TRUE(a && b);
  EXPECT_NE(a->id(), b->id());
  EXPECT_FALSE(pool.take());
  BlockRef second = a->share();
  EXPECT_EQ(pool.num_shares(second.id()), 2);
  a->reset();
  EXPECT_EQ(pool.num_free(), 0);
  second.reset();
  EXPECT_EQ(pool.num_free(), 1);
  EXPECT_TRUE(pool.take());
}

TEST(BlockPool, MovingAShareDoesNotChangeTheCount) {
  BlockPool pool(2);
  BlockRef a = *pool.take();
  BlockRef b = std::move(a);
  EXPECT_FALSE(a);
  EXPECT_EQ(pool.num_shares(b.id()), 1);
  a = *pool.take();
  a = std::move(b);
  EXPECT_EQ(pool.num_free(), 1);
}

TEST(BlockPool, EvictsBlankThenLeastRecentlyReleasedThenPinned) {
  BlockPool pool(5);
  std::vector<BlockId> evicted;
  pool.set_eviction_listener([&](BlockId id) { evicted.push_back(id); });
  std::vector<BlockRef> refs;
  take_all(pool, &refs);
  for (BlockId id : {0, 1, 2, 3}) pool.keep(id);
  pool.pin(2);
  for (int release : {2, 3, 0, 4, 1}) refs[static_cast<size_t>(release)].reset();
  pool.hold(3).reset();  // used again: now the most recent
  EXPECT_EQ(pool.num_free(), 5);
  refs.clear();
  EXPECT_THAT(take_all(pool, &refs), ElementsAre(4, 0, 1, 3, 2));
  EXPECT_THAT(evicted, ElementsAre(0, 1, 3, 2));
}

TEST(BlockPool, UnpinOfOverwrittenContentsDoesNothing) {
  BlockPool pool(1);
  pool.keep(pool.take()->id());  // the temporary share ends at once, after keep()
  auto block = pool.take();
  pool.keep(0);
  uint64_t old_pin = pool.pin(0);
  block->reset();
  block = pool.take();  // evicts although pinned
  pool.keep(0);
  uint64_t new_pin = pool.pin(0);
  pool.unpin(0, old_pin);
  EXPECT_NE(old_pin, new_pin);
  pool.unpin(0, new_pin);
  block->reset();
  EXPECT_EQ(pool.num_free(), 1);
}

TEST(BlockPool, ForgettingEvictsAllKeptBlocksAndLeavesHeldOnesHeld) {
  BlockPool pool(4);
  std::vector<BlockId> evicted;
  pool.set_eviction_listener([&](BlockId id) { evicted.push_back(id); });
  std::vector<BlockRef> refs;
  take_all(pool, &refs);
  for (BlockId id : {0, 1, 2}) pool.keep(id);
  const uint64_t pin = pool.pin(1);
  refs[0].reset();
  refs[1].reset();
  refs[3].reset();
  pool.forget_kept();
  EXPECT_THAT(evicted, ElementsAre(0, 1, 2));
  EXPECT_FALSE(pool.kept(2));
  EXPECT_EQ(pool.num_shares(2), 1);
  pool.unpin(1, pin);  // of contents that are gone
  EXPECT_EQ(pool.num_free(), 3);
  refs.clear();
  EXPECT_EQ(pool.num_free(), 4);
  take_all(pool, &refs);
  EXPECT_EQ(evicted.size(), 3u);
}

TEST(BlockPoolDeathTest, HoldingABlockWithoutContentsIsOurOwnMistake) {
  BlockPool pool(1);
  EXPECT_DEATH(pool.hold(0), "kept");
}

}  // namespace
}  // namespace trivet
