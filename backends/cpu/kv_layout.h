// Where a position's keys and values lie in a cache block: [layer][head][K: groups of 16
// positions][V: groups]. What is in a group: KvType.
#ifndef TRIVET_BACKENDS_CPU_KV_LAYOUT_H_
#define TRIVET_BACKENDS_CPU_KV_LAYOUT_H_

#include <cstdint>

#include "kernels/kernels.h"
#include "trivet/backend.h"

namespace trivet::cpu {

struct KvSlot {
  uint8_t* key_group;
  uint8_t* value_group;
  int index;  // in the group
};

struct KvLayout {
  int64_t group_bytes;
  int64_t half_bytes;  // all K, or all V, of one head in a block
  int64_t layer_offset;
  int64_t block_bytes;
  int block_tokens;
  int head_dim;

  KvLayout(const trivet_kv_desc& kv, KvType type, int layer)
      : group_bytes(kv_group_bytes(type, kv.head_dim)),
        half_bytes(kv.block_tokens / 16 * group_bytes),
        layer_offset(layer * kv.num_kv_heads * 2 * half_bytes),
        block_bytes(kv.layers_per_group * kv.num_kv_heads * 2 * half_bytes),
        block_tokens(kv.block_tokens),
        head_dim(kv.head_dim) {}

  KvHead head(const trivet_step& step, int kv_head) const {
    return {static_cast<const uint8_t*>(step.kv_memory) + layer_offset + kv_head * 2 * half_bytes,
            block_bytes,
            half_bytes,
            step.num_kv_blocks,
            block_tokens,
            head_dim};
  }

  static const int32_t* table(const trivet_step& step, int group, int sequence) {
    return step.block_tables[group] + int64_t{sequence} * step.block_table_stride;
  }

  KvSlot slot(const trivet_step& step, int group, int sequence, int position, int kv_head) const {
    const KvHead h = head(step, kv_head);
    const int64_t in_block = group_bytes * (position % block_tokens / 16);
    uint8_t* keys = const_cast<uint8_t*>(h.memory) +
                    table(step, group, sequence)[position / block_tokens] * block_bytes + in_block;
    return {keys, keys + half_bytes, position % 16};
  }
};

// The type that a description asks for on this level.
KvType kv_type(const trivet_kv_desc& kv, const KernelTable& kernels);

// The step's sequences are whole, and every row's own position lies in a block of the cache.
bool valid_kv_step(const trivet_step& step, const trivet_kv_desc& kv, int group);

}  // namespace trivet::cpu

#endif  // TRIVET_BACKENDS_CPU_KV_LAYOUT_H_
