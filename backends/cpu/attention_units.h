// How attention is cut into units, and what a thread needs for one.
#ifndef TRIVET_BACKENDS_CPU_ATTENTION_UNITS_H_
#define TRIVET_BACKENDS_CPU_ATTENTION_UNITS_H_

#include <algorithm>
#include <cstdint>

#include "kernels/kernels.h"
#include "trivet/backend.h"

namespace trivet::cpu {

constexpr int kTileQueryRows = 48;  // query rows (tokens x heads of the group) in a unit, about
struct AttentionShape {
  int heads, kv_heads, group, head_dim;
  int tile_tokens;
  int max_rows;  // of a unit

  explicit AttentionShape(const trivet_attention_params& p)
      : heads(p.num_heads),
        kv_heads(p.kv.num_kv_heads),
        group(p.num_heads / p.kv.num_kv_heads),
        head_dim(p.kv.head_dim),
        tile_tokens(std::max(1, kTileQueryRows / group)),
        max_rows(tile_tokens * group) {}
};

// What a thread needs for one unit, cut from its scratch.
struct UnitScratch {
  int32_t* queries;
  AttendState state, part;
  float* tile;
  int32_t* first;
  int32_t* last;
  const float** query_rows;
  float** out_rows;

  static uint64_t state_floats(const AttentionShape& s) {
    return static_cast<uint64_t>(s.max_rows) * (s.head_dim + 2);
  }
  static uint64_t bytes(const AttentionShape& s) {
    const uint64_t rows = static_cast<uint64_t>(s.max_rows);
    const uint64_t floats = rows * s.head_dim + 2 * state_floats(s) + kAttendScratchFloats + 64;
    return (4 * floats + 8 * rows + 16 * rows + 511) / 256 * 256;
  }
  static AttendState state_at(float*& at, const AttentionShape& s) {
    AttendState state;
    state.values = at;
    state.maximum = at + int64_t{s.max_rows} * s.head_dim;
    state.sum = state.maximum + s.max_rows;
    at += state_floats(s);
    return state;
  }

  UnitScratch(void* memory, const AttentionShape& s) {
    out_rows = static_cast<float**>(memory);
    query_rows = const_cast<const float**>(out_rows + s.max_rows);
    first = reinterpret_cast<int32_t*>(out_rows + 2 * int64_t{s.max_rows});
    last = first + s.max_rows;
    float* at =
        reinterpret_cast<float*>((reinterpret_cast<uintptr_t>(last + s.max_rows) + 63) / 64 * 64);
    tile = at;
    at += kAttendScratchFloats;
    queries = reinterpret_cast<int32_t*>(at);
    at += int64_t{s.max_rows} * s.head_dim;
    state = state_at(at, s);
    part = state_at(at, s);
  }
};

struct Unit {
  int sequence;
  int kv_head;
  int row_begin, row_end;  // of the step
};

// Parts that any row of a unit sees: [begin, end).
struct PartRange {
  int begin, end;
};
inline PartRange parts_of(const AttendParams& a) {
  int first = a.first[0], last = a.last[0];
  for (int r = 1; r < a.num_rows; ++r) {
    first = std::min(first, a.first[r]);
    last = std::max(last, a.last[r]);
  }
  return {first / kAttentionPart, last / kAttentionPart + 1};
}

}  // namespace trivet::cpu

#endif  // TRIVET_BACKENDS_CPU_ATTENTION_UNITS_H_
