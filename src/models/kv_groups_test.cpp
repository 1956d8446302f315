#include "models/kv_groups.h"

#include <gmock/gmock.h>

#include <set>
#include <utility>

namespace trivet {
namespace {

// Layers of which every sixth has no window, as in Gemma 3.
std::vector<bool> gemma_layers(size_t count) {
  std::vector<bool> has_window(count);
  for (size_t i = 0; i < count; ++i) has_window[i] = (i + 1) % 6 != 0;
  return has_window;
}

TEST(LayoutCacheTest, OneGroupHoldsAllLayersOfOneKind) {
  const CacheLayout full = layout_cache(std::vector<bool>(30, false), 0);
  ASSERT_EQ(full.groups.size(), 1u);
  EXPECT_EQ(full.layers_per_group, 30);
  EXPECT_EQ(full.slots[29].layer, 29);
  const CacheLayout windowed = layout_cache(std::vector<bool>(4, true), 8);
  ASSERT_EQ(windowed.groups.size(), 1u);
  EXPECT_EQ(windowed.groups[0].window, 8);
}

TEST(LayoutCacheTest, GroupsAreAsLargeAsBothKindsAllow) {
  const CacheLayout layout = layout_cache(gemma_layers(18), 512);  // 3 full, 15 windowed
  EXPECT_EQ(layout.layers_per_group, 3);
  ASSERT_EQ(layout.groups.size(), 6u);
  EXPECT_EQ(layout.groups[0].window, 0);
  for (size_t g = 1; g < 6; ++g) EXPECT_EQ(layout.groups[g].window, 512);
}

TEST(LayoutCacheTest, EveryLayerHasASlotOfItsOwnInAGroupOfItsKind) {
  for (size_t count : {7u, 18u, 26u, 34u}) {
    const std::vector<bool> has_window = gemma_layers(count);
    const CacheLayout layout = layout_cache(has_window, 512);
    std::set<std::pair<int, int>> seen;
    for (size_t i = 0; i < count; ++i) {
      const CacheSlot slot = layout.slots[i];
      EXPECT_TRUE(seen.insert({slot.group, slot.layer}).second);
      EXPECT_LT(slot.layer, layout.layers_per_group);
      EXPECT_EQ(layout.groups[static_cast<size_t>(slot.group)].window > 0, has_window[i]);
    }
    EXPECT_EQ(layout.groups.size() * static_cast<size_t>(layout.layers_per_group), count);
  }
}

}  // namespace
}  // namespace trivet
