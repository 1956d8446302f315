#include "kv/prefix_index.h"

#include <gtest/gtest.h>

#include <array>

namespace trivet {
namespace {

using Tokens = std::array<TokenId, 2>;

TEST(PrefixIndex, FindsExactPathsUnderTheirSaltOnly) {
  PrefixIndex index(2, 1, 100);
  auto root = index.add_root("a");
  auto one = index.add(*root, Tokens{1, 2});
  auto two = index.add(*one, Tokens{3, 4});
  index.set_block(*two, 0, 7);
  auto found = index.find(*index.find(*index.find_root("a"), Tokens{1, 2}), Tokens{3, 4});
  ASSERT_TRUE(found);
  EXPECT_EQ(index.block(*found, 0), 7);
  EXPECT_FALSE(index.find(*root, Tokens{3, 4}));
  EXPECT_FALSE(index.find(*root, Tokens{1, 3}));
  EXPECT_FALSE(index.find_root("b"));
}

TEST(PrefixIndex, ANodeLivesWhileItNamesABlockOrHasChildren) {
  PrefixIndex index(2, 2, 100);
  auto root = index.add_root("");
  auto one = index.add(*root, Tokens{1, 2});
  index.set_block(*one, 0, 5);
  index.set_block(*one, 1, 6);
  auto two = index.add(*one, Tokens{3, 4});
  index.set_block(*two, 1, 7);
  EXPECT_EQ(index.num_nodes(), 3);
  index.forget(5);
  index.forget(6);
  EXPECT_TRUE(index.valid(*one));
  EXPECT_EQ(index.block(*one, 0), kNoBlock);
  index.forget(7);
  EXPECT_EQ(index.num_nodes(), 0);
  EXPECT_FALSE(index.valid(*one));
  EXPECT_FALSE(index.valid(*root));
}

TEST(PrefixIndex, TakesAStaleCursorForNowhere) {
  PrefixIndex index(2, 1, 100);
  auto root = index.add_root("");
  auto old = index.add(*root, Tokens{1, 2});
  index.set_block(*old, 0, 1);
  index.forget(1);
  auto fresh = index.add(*index.add_root(""), Tokens{8, 9});  // reuses the entries
  index.set_block(*fresh, 0, 1);
  EXPECT_FALSE(index.find(*old, Tokens{3, 4}));
  EXPECT_FALSE(index.add(*old, Tokens{3, 4}));
  EXPECT_EQ(index.block(*old, 0), kNoBlock);
}

TEST(PrefixIndex, ACollisionIsAMissAndNeverAWrongAnswer) {
  auto constant = [](uint64_t, uint64_t parent, const void*, size_t bytes) -> uint64_t {
    return bytes == 0 ? 0 : parent;  // all children of a node collide
  };
  PrefixIndex index(2, 1, 100, constant);
  auto root = index.add_root("");
  auto one = index.add(*root, Tokens{1, 2});
  ASSERT_TRUE(one);
  index.set_block(*one, 0, 3);
  EXPECT_FALSE(index.find(*root, Tokens{1, 3}));
  EXPECT_FALSE(index.add(*root, Tokens{1, 3}));
  EXPECT_TRUE(index.find(*root, Tokens{1, 2}));
}

TEST(PrefixIndex, ACollisionBetweenPathsWithEqualTokensIsAMissToo) {
  auto constant = [](uint64_t, uint64_t, const void*, size_t bytes) -> uint64_t { return bytes; };
  PrefixIndex index(2, 1, 100, constant);
  auto one = index.add(*index.add_root(""), Tokens{1, 2});
  index.set_block(*one, 0, 3);
  EXPECT_FALSE(index.find(*one, Tokens{1, 2}));
}

TEST(PrefixIndex, RefusesToGrowBeyondItsBound) {
  PrefixIndex index(2, 1, 2);
  auto root = index.add_root("");
  auto one = index.add(*root, Tokens{1, 2});
  ASSERT_TRUE(one);
  EXPECT_FALSE(index.add(*root, Tokens{5, 6}));
  index.trim(*one);
  EXPECT_EQ(index.num_nodes(), 0);
}

}  // namespace
}  // namespace trivet
