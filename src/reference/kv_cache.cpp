#include "reference/kv_cache.h"

#include <algorithm>
#include <cmath>
#include <span>

#include "reference/operation.h"
#include "tensor/dequantize.h"

namespace trivet::reference {
namespace {

constexpr int kMaxKvDimension = 1 << 20;

// The Hadamard transform of each run of the largest power of two that divides the head's size, made
// orthogonal: its own inverse.
void rotate_runs(std::span<float> head) {
  const size_t run = head.size() & (~head.size() + 1);
  const float factor = 1.0f / std::sqrt(static_cast<float>(run));
  for (size_t begin = 0; begin < head.size(); begin += run) {
    for (size_t half = 1; half < run; half *= 2) {
      for (size_t i = begin; i < begin + run; ++i) {
        if ((i - begin) & half) continue;
        const float a = head[i], b = head[i + half];
        head[i] = a + b;
        head[i + half] = a - b;
      }
    }
    for (size_t i = begin; i < begin + run; ++i) head[i] *= factor;
  }
}

// One head as the type of the cache holds it. Keys of int8 are rounded in rotated form.
void round_head(uint32_t dtype, bool is_key, float* x, int head_dim) {
  const std::span<float> head(x, static_cast<size_t>(head_dim));
  if (dtype == TRIVET_KV_F16) {
    for (float& v : head) v = f16_to_f32(f32_to_f16(std::clamp(v, -65504.0f, 65504.0f)));
  } else if (dtype == TRIVET_KV_BF16) {
    const float largest = bf16_to_f32(0x7F7F);
    for (float& v : head) v = bf16_to_f32(f32_to_bf16(std::clamp(v, -largest, largest)));
  } else if (dtype == TRIVET_KV_INT8) {
    if (is_key) rotate_runs(head);
    float top = 0;
    for (const float v : head) top = std::max(top, std::fabs(v));
    for (float& v : head) v = top > 0 ? std::nearbyint(v * (127 / top)) * (top / 127) : 0.0f;
    if (is_key) rotate_runs(head);
  }
}

}  // namespace

Result<void> check_kv_desc(const trivet_kv_desc& kv) {
  TRIVET_RETURN_IF_ERROR(require(
      kv.block_tokens > 0 && kv.block_tokens % 16 == 0 && kv.block_tokens <= kMaxKvDimension,
      "block_tokens must be a multiple of 16"));
  TRIVET_RETURN_IF_ERROR(require(kv.dtype <= TRIVET_KV_INT8,
                                 "the type of the key/value cache is not known; use auto, f16, "
                                 "bf16 or int8"));
  return require(kv.layers_per_group > 0 && kv.layers_per_group <= kMaxKvDimension &&
                     kv.num_kv_heads > 0 && kv.head_dim > 0 &&
                     int64_t{kv.num_kv_heads} * kv.head_dim <= kMaxKvDimension,
                 "the shape of the key/value cache is out of range");
}

uint64_t kv_block_bytes(const trivet_kv_desc& kv) {
  return uint64_t{2} * sizeof(float) * kv.layers_per_group * kv.block_tokens * kv.num_kv_heads *
         kv.head_dim;
}

KvLayer::KvLayer(const trivet_kv_desc& kv, int kv_group, int kv_layer, const trivet_step& step)
    : kv_(kv),
      step_(step),
      table_(kv_group < step.num_kv_groups && step.block_tables ? step.block_tables[kv_group]
                                                                : nullptr),
      kv_layer_(kv_layer),
      position_floats_(int64_t{kv.num_kv_heads} * kv.head_dim),
      part_floats_(position_floats_ * kv.block_tokens),
      block_floats_(2 * part_floats_ * kv.layers_per_group) {}

bool KvLayer::has_blocks(int sequence, int first_position, int last_position) const {
  const int first = first_position / kv_.block_tokens, last = last_position / kv_.block_tokens;
  if (last >= step_.block_table_stride) return false;
  const int32_t* blocks = table_ + static_cast<int64_t>(sequence) * step_.block_table_stride;
  return std::all_of(blocks + first, blocks + last + 1,
                     [&](int32_t block) { return block >= 0 && block < step_.num_kv_blocks; });
}

bool KvLayer::valid_for_write() const { return valid_for_read(1); }

bool KvLayer::valid_for_read(int window) const {
  if (table_ == nullptr || step_.kv_memory == nullptr || step_.row_begin == nullptr ||
      step_.num_sequences < 0 || step_.row_begin[0] != 0 ||
      step_.row_begin[step_.num_sequences] != step_.num_rows) {
    return false;
  }
  for (int s = 0; s < step_.num_sequences; ++s) {
    const int begin = step_.row_begin[s], end = step_.row_begin[s + 1];
    if (begin > end || end > step_.num_rows) return false;
    for (int r = begin; r < end; ++r) {
      const int position = step_.positions[r];
      if (position < 0 || (r > begin && position <= step_.positions[r - 1])) return false;
      if (!has_blocks(s, first_visible(position, window), position)) return false;
    }
  }
  return true;
}

int KvLayer::sequence_of(int row) const {
  const int32_t* begin = step_.row_begin;
  return static_cast<int>(std::upper_bound(begin, begin + step_.num_sequences + 1, row) - begin) -
         1;
}

float* KvLayer::entry(int sequence, int position, int which) const {
  const int64_t block = table_[static_cast<int64_t>(sequence) * step_.block_table_stride +
                               position / kv_.block_tokens];
  return static_cast<float*>(step_.kv_memory) + block * block_floats_ +
         (2 * kv_layer_ + which) * part_floats_ + position % kv_.block_tokens * position_floats_;
}

void KvLayer::write(int row, const float* key_row, const float* value_row) const {
  const int sequence = sequence_of(row), position = step_.positions[row];
  float* keys = std::copy_n(key_row, position_floats_, key(sequence, position)) - position_floats_;
  float* values =
      std::copy_n(value_row, position_floats_, value(sequence, position)) - position_floats_;
  for (int64_t i = 0; i < position_floats_; i += kv_.head_dim) {
    round_head(kv_.dtype, true, keys + i, kv_.head_dim);
    round_head(kv_.dtype, false, values + i, kv_.head_dim);
  }
}

}  // namespace trivet::reference
