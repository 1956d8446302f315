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
  int32_t* sequence_rows;        // [tile_tokens + 1]
  const int32_t** block_tables;  // [tile_tokens]
  const float** query_rows;
  float** out_rows;

  static uint64_t state_floats(const AttentionShape& s) {
    return static_cast<uint64_t>(s.max_rows) * (s.head_dim + 2);
  }
  static uint64_t bytes(const AttentionShape& s) {
    const uint64_t rows = static_cast<uint64_t>(s.max_rows);
    const uint64_t floats = rows * s.head_dim + 2 * state_floats(s) + kAttendScratchFloats + 64;
    return (4 * floats + 8 * rows + 16 * rows + 12 * (s.tile_tokens + 1) + 511) / 256 * 256;
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
    block_tables =
        static_cast<const int32_t**>(static_cast<void*>(out_rows + 2 * int64_t{s.max_rows}));
    first = reinterpret_cast<int32_t*>(block_tables + s.tile_tokens);
    last = first + s.max_rows;
    sequence_rows = last + s.max_rows;
    const uintptr_t end = reinterpret_cast<uintptr_t>(sequence_rows + s.tile_tokens + 1);
    float* at = reinterpret_cast<float*>((end + 63) / 64 * 64);
    tile = at;
    at += kAttendScratchFloats;
    queries = reinterpret_cast<int32_t*>(at);
    at += int64_t{s.max_rows} * s.head_dim;
    state = state_at(at, s);
    part = state_at(at, s);
  }
};

// Rows of the step whose query heads of one key/value head make a unit: some of one sequence, or
// all of several sequences that begin with the same block.
struct QueryTile {
  int32_t first_sequence, num_sequences;  // in the order of the plan
  int32_t row_begin, row_end;             // of the step, where it is one sequence
};

// The tiles of a step. Lives in the workspace.
class TilePlan {
 public:
  static uint64_t bytes(int max_rows, int max_sequences) {
    return sizeof(QueryTile) * static_cast<uint64_t>(max_rows) +
           sizeof(int32_t) * static_cast<uint64_t>(max_sequences);
  }
  TilePlan(void* memory, int max_rows)
      : tiles_(static_cast<QueryTile*>(memory)),
        order_(reinterpret_cast<int32_t*>(tiles_ + max_rows)) {}

  // At most `most_sequences` sequences in a tile, and `tile_tokens` rows.
  void make(const trivet_step& step, const trivet_attention_params& params, int tile_tokens,
            int most_sequences);
  int size() const { return size_; }
  const QueryTile& operator[](int64_t i) const { return tiles_[i]; }
  int sequence(int in_order) const { return order_[in_order]; }
  bool one_tile_each() const { return one_tile_each_; }  // no sequence is in two tiles

 private:
  QueryTile* tiles_;
  int32_t* order_;
  int size_ = 0;
  bool one_tile_each_ = true;
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
