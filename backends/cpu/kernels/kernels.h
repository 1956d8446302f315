// What an instruction level offers: one table of functions. Chosen once per device. All functions
// are pure: they touch only what their arguments name, and may run on any number of threads at
// once.
#ifndef TRIVET_BACKENDS_CPU_KERNELS_KERNELS_H_
#define TRIVET_BACKENDS_CPU_KERNELS_KERNELS_H_

#include <stdint.h>

#include "packed_format.h"

namespace trivet::cpu {

// One tile: c[row][32] += activation rows x super-panel over `units` units. `prefetch_lines` cache
// lines from `prefetch` on are requested at each prefetch step of the format.
using TileKernel = void (*)(const uint8_t* weights, const int32_t* activations, int units, float* c,
                            const char* prefetch, int prefetch_lines);

using WidenKernel = void (*)(const uint8_t* weights, int units, uint8_t* out);

struct FormatKernels {
  // [wide][narrow][rows]: wide tiles read units that widen() has spread to one byte per integer;
  // narrow tiles are for rows whose quantize_row() result has the format's bit. Same bits all.
  TileKernel tiles[2][2][kMaxTileRows + 1];
  WidenKernel widen;  // null: there is no wide form
  int wide_unit_bytes;
  int widen_from_rows;  // where it pays
};

// Where a row's packed activations go: see packed_format.h. Unit u of chunk n lies at
// base + n * chunk_units_of() * unit_dwords * block_rows + rows_before * units_in_chunk *
// unit_dwords +
// ...
struct ActivationPlace {
  int32_t* base;    // of the block
  int block_rows;   // in this block
  int rows_before;  // in tiles before this row's
  int tile_rows;
  int row;  // in the tile
};

struct RopeParams {
  int rotary_dim;
  bool interleaved;
};

// Types of the cache. Keys and values of one head lie in groups of 16 positions; what is in a group
// is the type's affair (attention_f16.h, attention_bf16.h, attention_int8.h).
enum KvType : uint8_t { kKvF16, kKvBf16, kKvInt8 };
constexpr int kKvTypes = 3;

// K, or V, of 16 positions of one head.
constexpr int64_t kv_group_bytes(KvType type, int head_dim) {
  return type == kKvInt8 ? int64_t{16} * head_dim + 64 : int64_t{32} * head_dim;
}

struct KvHead {
  const uint8_t* memory;  // kv_memory + offset of (layer, head)'s K in a block
  int64_t block_bytes;
  int64_t value_offset;        // from K to V
  int num_blocks;              // valid block numbers are [0, num_blocks)
  int block_tokens;
  int head_dim;
};

// Rows of one head: of one sequence, or of several that begin with the same blocks. These go through
// each tile one after the other, so that what they share is read from memory once.
struct AttendParams {
  KvHead kv;
  const int32_t* queries;  // [sequence] packed by pack_queries
  int num_rows;
  int num_sequences;
  const int32_t* const* block_tables;  // [num_sequences]
  const int32_t* row_begin;            // [num_sequences + 1]
  const int32_t* first;  // [num_rows] first position a row sees
  const int32_t* last;   // [num_rows] last position a row sees
  float scale;
  float softcap;
};

// Running softmax state of rows: maximum, sum and [num_rows][head_dim] weighted values.
struct AttendState {
  float* maximum;
  float* sum;
  float* values;
};

// From a super-panel's sums to output rows: out = residual + act(c + bias) or residual + act(c +
// bias) * (up + up_bias).
struct EpilogueParams {
  const float* c;         // [rows][32]
  const float* up;        // [rows][32] or null
  const float* bias;      // [columns] or null
  const float* up_bias;   // [columns] or null
  const float* residual;  // [rows] at the stride of out, or null; may be out
  float* out;
  int64_t stride;
  int rows;
  int columns;  // 1 to 32
  uint32_t activation;
};

constexpr int kAttentionTile = 64;
constexpr int kAttentionPart = 512;
constexpr int kAttendScratchFloats = kAttentionTile * 32 + 64;

// What depends on the type of the cache.
struct AttentionKernels {
  // One position's K and V of one head into its group; slot = position % 16. Values that the type
  // cannot hold become the nearest that it can.
  void (*store_kv)(uint8_t* key_group, uint8_t* value_group, int slot, int head_dim,
                   const float* key, const float* value);
  // queries: rows of head_dim floats, to head_dim words per row in the form that attend_part of the
  // same number of rows takes.
  void (*pack_queries)(const float* const* rows, int num_rows, int head_dim, int32_t* out);
  // State of the rows over the positions of one part, which starts at a multiple of kAttentionPart.
  // scratch: kAttendScratchFloats, 64-byte aligned.
  void (*attend_part)(const AttendParams&, int part, const AttendState& out, float* scratch);
};

struct KernelTable {
  const char* name;
  int tile_rows;  // <= kMaxTileRows
  FormatKernels formats[kPackedFormats];

  // x[columns] to packed activations. Returns bits 1 << format of the K types whose group sums of
  // this row fit 16 bits whatever the weights are.
  uint32_t (*quantize_row)(ActivationKind, const float* x, int64_t columns, const ActivationPlace&);

  // out = x minus what quantize_row() makes of it, to be quantised in turn.
  void (*quantization_remainder)(ActivationKind, const float* x, int64_t columns, float* out);

  void (*finish_tile_rows)(const EpilogueParams&);

  // out = x / sqrt(mean(x^2) + eps) * weight, plus residual where not null. out may be x or
  // residual.
  void (*rms_norm)(const float* x, const float* weight, float eps, const float* residual,
                   int64_t columns, float* out);
  // In place on one head. table = cos[d / 2], sin[d / 2].
  void (*rope)(float* head, const float* table, const RopeParams&);

  // out[i] = act(gate[i]) * up[i]
  void (*gated)(uint32_t activation, const float* gate, const float* up, int64_t n, float* out);
  void (*add)(const float* a, const float* b, int64_t n, float* out);
  void (*scale)(const float* x, float factor, int64_t n, float* out);
  void (*softcap)(const float* x, float cap, int64_t n, float* out);

  AttentionKernels attention[kKvTypes];
  KvType default_kv;  // the fastest whose log-probabilities are those of halves
  // into = into merged with part, in this order.
  void (*merge_states)(const AttendState& into, const AttendState& part, int num_rows,
                       int head_dim);
  // out[row] = values[row] / sum[row]
  void (*finish_state)(const AttendState&, int num_rows, int head_dim, float* const* out);

  // Register-only loops of the machine's limits; return operations done.
  double (*spin_int8)(int64_t iterations);
  double (*spin_bf16)(int64_t iterations);
  double (*spin_f32)(int64_t iterations);
};

const KernelTable& baseline_kernels();
const KernelTable& avx2_kernels();
const KernelTable& avx512_vnni_kernels();
const KernelTable& avx512_bf16_kernels();

}  // namespace trivet::cpu

#endif  // TRIVET_BACKENDS_CPU_KERNELS_KERNELS_H_
