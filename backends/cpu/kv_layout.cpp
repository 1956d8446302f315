#include "kv_layout.h"

namespace trivet::cpu {

KvType kv_type(const trivet_kv_desc& kv, const KernelTable& kernels) {
  switch (kv.dtype) {
    case TRIVET_KV_F16:
      return kKvF16;
    case TRIVET_KV_BF16:
      return kKvBf16;
    case TRIVET_KV_INT8:
      return kKvInt8;
    default:
      return kernels.default_kv;
  }
}

bool valid_kv_step(const trivet_step& step, const trivet_kv_desc& kv, int group) {
  if (!step.positions || !step.row_begin || !step.block_tables || !step.kv_memory ||
      step.num_sequences <= 0)
    return false;
  if (group < 0 || group >= step.num_kv_groups || !step.block_tables[group]) return false;
  if (step.row_begin[0] != 0 || step.row_begin[step.num_sequences] != step.num_rows) return false;
  for (int s = 0; s < step.num_sequences; ++s) {
    const int32_t* table = step.block_tables[group] + int64_t{s} * step.block_table_stride;
    if (step.row_begin[s + 1] < step.row_begin[s]) return false;
    for (int r = step.row_begin[s]; r < step.row_begin[s + 1]; ++r) {
      const int entry = step.positions[r] / kv.block_tokens;
      if (step.positions[r] < 0 || entry >= step.block_table_stride) return false;
      if (table[entry] < 0 || table[entry] >= step.num_kv_blocks) return false;
    }
  }
  return true;
}

}  // namespace trivet::cpu
