#include "attention_units.h"

#include "kv_layout.h"

namespace trivet::cpu {
namespace {

// The first block that a sequence's rows see.
int32_t first_block(const trivet_step& step, const trivet_attention_params& params, int sequence) {
  const int position = step.positions[step.row_begin[sequence]];
  const int first = params.window > 0 ? std::max(0, position - params.window + 1) : 0;
  return KvLayout::table(step, params.kv_group, sequence)[first / params.kv.block_tokens];
}

}  // namespace

void TilePlan::make(const trivet_step& step, const trivet_attention_params& params, int tile_tokens,
                    int most_sequences) {
  auto rows = [&](int s) { return step.row_begin[s + 1] - step.row_begin[s]; };
  int count = 0;
  for (int s = 0; s < step.num_sequences; ++s) {
    if (rows(s) > 0) order_[count++] = s;
  }
  if (most_sequences > 1) {
    std::sort(order_, order_ + count, [&](int32_t a, int32_t b) {
      const int32_t x = first_block(step, params, a), y = first_block(step, params, b);
      return x != y ? x < y : a < b;
    });
  }
  size_ = 0;
  one_tile_each_ = true;
  for (int i = 0; i < count;) {
    const int s = order_[i], begin = step.row_begin[s], end = step.row_begin[s + 1];
    if (end - begin > tile_tokens) {
      one_tile_each_ = false;
      for (int row = begin; row < end; row += tile_tokens)
        tiles_[size_++] = {i, 1, row, std::min(row + tile_tokens, end)};
      ++i;
      continue;
    }
    int next = i + 1, tokens = end - begin;
    while (next < count && next - i < most_sequences &&
           tokens + rows(order_[next]) <= tile_tokens &&
           first_block(step, params, order_[next]) == first_block(step, params, s)) {
      tokens += rows(order_[next++]);
    }
    tiles_[size_++] = {i, next - i, begin, end};
    i = next;
  }
}

}  // namespace trivet::cpu
