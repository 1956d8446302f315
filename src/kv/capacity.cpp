#include "kv/capacity.h"

#include <algorithm>
#include <cstdint>
#include <limits>

namespace trivet {
namespace {

int64_t blocks_over(const KvLayout& layout, int64_t positions) {
  return (positions + layout.block_tokens - 1) / layout.block_tokens;
}

int64_t sequence_blocks(const KvLayout& layout, int positions) {
  int64_t total = 0;
  for (size_t group = 0; group < layout.windows.size(); ++group) {
    total += peak_blocks(layout, static_cast<int>(group), positions);
  }
  return total;
}

int saturate(int64_t value) {
  return static_cast<int>(std::min<int64_t>(value, std::numeric_limits<int>::max()));
}

}  // namespace

int peak_blocks(const KvLayout& layout, int group, int positions) {
  int64_t all = blocks_over(layout, positions);
  int window = layout.windows[static_cast<size_t>(group)];
  if (window == 0) return saturate(all);
  // The first row of a chunk sees window - 1 positions before itself; a run of L positions that
  // begins anywhere touches at most (L - 2) / block_tokens + 2 blocks.
  int64_t run = int64_t{window} - 1 + layout.max_chunk_tokens;
  int64_t touched = (run + layout.block_tokens - 2) / layout.block_tokens + 1;
  return saturate(std::min(all, touched));
}

int blocks_needed(const KvLayout& layout, int prompt_tokens, int max_tokens, int n) {
  int64_t length = int64_t{prompt_tokens} + std::max(max_tokens, 1) - 1;
  int64_t total = 0;
  for (size_t group = 0; group < layout.windows.size(); ++group) {
    int64_t one = peak_blocks(layout, static_cast<int>(group), saturate(length));
    int64_t shared = layout.windows[group] == 0 ? prompt_tokens / layout.block_tokens : 0;
    total += shared + n * (one - shared);
  }
  return saturate(total);
}

int max_positions_that_fit(const KvLayout& layout, int max_positions) {
  int low = 0, high = max_positions;  // sequence_blocks grows with positions
  while (low < high) {
    int middle = low + (high - low + 1) / 2;
    if (sequence_blocks(layout, middle) <= layout.num_blocks) {
      low = middle;
    } else {
      high = middle - 1;
    }
  }
  return low;
}

}  // namespace trivet
