// Where a position's keys and values lie in a cache block: [layer][head][K: groups of 16
// positions][V: groups].
#ifndef TRIVET_BACKENDS_CPU_KV_LAYOUT_H_
#define TRIVET_BACKENDS_CPU_KV_LAYOUT_H_

#include <cstdint>

#include "kernels/kernels.h"
#include "trivet/backend.h"

namespace trivet::cpu {

struct KvSlot {
  uint16_t* key_group;
  uint16_t* value_group;
  int index;  // in the group
};

struct KvLayout {
  int64_t half_bytes;  // all K, or all V, of one head in a block
  int64_t layer_offset;
  int64_t block_bytes;
  int block_tokens;
  int head_dim;

  KvLayout(const trivet_kv_desc& kv, int layer)
      : half_bytes(int64_t{2} * kv.block_tokens * kv.head_dim),
        layer_offset(layer * kv.num_kv_heads * 2 * half_bytes),
        block_bytes(kv.layers_per_group * kv.num_kv_heads * 2 * half_bytes),
        block_tokens(kv.block_tokens),
        head_dim(kv.head_dim) {}

  KvHead head(const trivet_step& step, int group, int sequence, int kv_head) const {
    return {static_cast<const uint8_t*>(step.kv_memory) + layer_offset + kv_head * 2 * half_bytes,
            block_bytes,
            half_bytes,
            step.block_tables[group] + int64_t{sequence} * step.block_table_stride,
            step.num_kv_blocks,
            block_tokens,
            head_dim};
  }

  KvSlot slot(const trivet_step& step, int group, int sequence, int position, int kv_head) const {
    const KvHead h = head(step, group, sequence, kv_head);
    const int64_t in_block = int64_t{32} * head_dim * (position % block_tokens / 16);
    uint8_t* keys = const_cast<uint8_t*>(h.memory) +
                    h.block_table[position / block_tokens] * block_bytes + in_block;
    return {reinterpret_cast<uint16_t*>(keys), reinterpret_cast<uint16_t*>(keys + half_bytes),
            position % 16};
  }
};

// The step's sequences are whole, and every row's own position lies in a block of the cache.
bool valid_kv_step(const trivet_step& step, const trivet_kv_desc& kv, int group);

}  // namespace trivet::cpu

#endif  // TRIVET_BACKENDS_CPU_KV_LAYOUT_H_
