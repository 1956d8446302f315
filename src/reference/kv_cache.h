// The reference's key/value cache: float32, block = [layer][key or
// value][position][head][dimension]. Other types are rounded to when written, and kept as float32.
#ifndef TRIVET_REFERENCE_KV_CACHE_H_
#define TRIVET_REFERENCE_KV_CACHE_H_

#include <cstdint>

#include "base/result.h"
#include "trivet/backend.h"

namespace trivet::reference {

Result<void> check_kv_desc(const trivet_kv_desc& kv);
uint64_t kv_block_bytes(const trivet_kv_desc& kv);

// One layer of the cache of one step. Points into the step.
class KvLayer {
 public:
  KvLayer(const trivet_kv_desc& kv, int kv_group, int kv_layer, const trivet_step& step);

  // Whether the step's tables name existing blocks for all positions that its rows write or, with
  // `window` as in attention, read. Rows must be checked before they are used.
  bool valid_for_write() const;
  bool valid_for_read(int window) const;

  int sequence_of(int row) const;
  // [num_kv_heads * head_dim] of one position.
  float* key(int sequence, int position) const { return entry(sequence, position, 0); }
  float* value(int sequence, int position) const { return entry(sequence, position, 1); }
  void write(int row, const float* key, const float* value) const;

 private:
  float* entry(int sequence, int position, int which) const;
  bool has_blocks(int sequence, int first_position, int last_position) const;

  const trivet_kv_desc& kv_;
  const trivet_step& step_;
  const int32_t* table_;
  int kv_layer_;
  int64_t position_floats_, part_floats_, block_floats_;
};

// First position that a row at `position` attends to.
inline int first_visible(int position, int window) {
  return window > 0 && position >= window ? position - window + 1 : 0;
}

}  // namespace trivet::reference

#endif  // TRIVET_REFERENCE_KV_CACHE_H_
