#include "models/kv_groups.h"

#include <algorithm>
#include <numeric>

namespace trivet {

CacheLayout layout_cache(const std::vector<bool>& has_window, int32_t window) {
  const auto windowed =
      static_cast<int32_t>(std::count(has_window.begin(), has_window.end(), true));
  const auto full = static_cast<int32_t>(has_window.size()) - windowed;
  CacheLayout layout;
  layout.layers_per_group = std::gcd(full, windowed);  // gcd(n, 0) = n
  const int32_t size = layout.layers_per_group;
  for (int32_t i = 0; i < full / size; ++i) layout.groups.push_back({size, 0});
  for (int32_t i = 0; i < windowed / size; ++i) layout.groups.push_back({size, window});
  int32_t next_full = 0, next_windowed = full;  // windowed groups come after the full ones
  for (bool is_windowed : has_window) {
    const int32_t index = is_windowed ? next_windowed++ : next_full++;
    layout.slots.push_back({index / size, index % size});
  }
  return layout;
}

}  // namespace trivet
