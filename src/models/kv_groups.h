// How the layers of a model share block tables.
#ifndef TRIVET_MODELS_KV_GROUPS_H_
#define TRIVET_MODELS_KV_GROUPS_H_

#include <cstdint>
#include <vector>

#include "graph/graph.h"

namespace trivet {

struct CacheSlot {
  int32_t group = 0;
  int32_t layer = 0;  // inside the group's block
};

struct CacheLayout {
  int32_t layers_per_group = 0;
  std::vector<GraphKvGroup> groups;
  std::vector<CacheSlot> slots;  // of each layer of the model
};

// All blocks have the same size, so that one pool serves layers with and without a window: with F
// full and W windowed layers, every group has gcd(F, W) layers of one kind (or all of them, if
// there is only one kind). Layers take slots in order, full ones in the first groups. `has_window`:
// one entry per layer, at least one.
CacheLayout layout_cache(const std::vector<bool>& has_window, int32_t window);

}  // namespace trivet

#endif  // TRIVET_MODELS_KV_GROUPS_H_
