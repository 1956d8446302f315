// The packed layouts that weights and activations have between operations. One layout serves every
// instruction level, so a packed weight does not depend on the level in use.
//
// Weights. 32 output rows form a super-panel of two 16-row panels. A super-panel is a sequence of
// units along k (32 or 256 columns); a unit holds both panels: first all integers, then the side
// data. In a 64-byte vector of integers, byte 4 * row + t belongs to row `row` of the panel and
// column 4 * step + t, which is what a 4-way byte dot product consumes. Rows past the last are
// zero.
//   nibbles of 32 columns: 4 vectors, vector s = (steps s, low nibble; s + 4, high nibble)
//   Q4_0  [panel][4 vectors], [panel][16 f16 scales]
//   Q4_1  the same, [panel][16 f16 minima]
//   Q5_0  [panel][4 vectors], [panel][64 B: bit s of a byte = fifth bit of step s], scales
//   Q5_1  the same and minima
//   Q8_0  [panel][8 vectors of value + 128], scales
//   Q4_K  [pair of groups 0..3][panel][8 vectors: low nibble = first group, high = second],
//         [pair][panel][16 rows][scale of the second, scale of the first], [pair][panel][16][min of
//         the first, second], [panel][16 f16 d], [panel][16 f16 dmin]; scales and minima are bytes
//   Q5_K  the 8 vectors of all pairs, [pair][panel][2 groups][64 B fifth bits], then as Q4_K
//   Q6_K  [group of 32][panel][4 vectors: low nibble = first 16 columns], [group][panel][2 x 64 B:
//   two upper bits of
//         step s in bits 2 s], [group][panel][16 rows][signed scale of the second 16, of the
//         first], [panel][16 f16 d]
//   F32   [column][32 f32]    F16 [column][32 f16]    BF16 [pair of columns][32 rows][2]; columns
//   padded to 32
//
// Activations. Rows are cut into blocks of at most kActivationBlockRows, blocks into tiles of at
// most the level's tile rows, columns into units of 32 or 256 and units into chunks. Order:
// [block][chunk][tile][unit][field][row].
//   per 32   8 dwords of 4 signed bytes, -8, -16, -128 times their sum, scale, scale * sum
//   per 256  64 dwords, 4 x (sums of two groups of 32 as int16, weighted), 16 x (-32 * sum of 16
//            columns), 4 x (codes of the groups of a pair), 8 x (code of a group, twice), scale
//   float    32 floats
// Per 256: a value is byte * 2^w * scale, w = 0 to 3 for each group of 32; sums of the whole unit
// stay integers. A code is what the level's scale_by_code() takes for w.
#ifndef TRIVET_BACKENDS_CPU_PACKED_FORMAT_H_
#define TRIVET_BACKENDS_CPU_PACKED_FORMAT_H_

#include <stddef.h>
#include <stdint.h>

namespace trivet::cpu {

constexpr int kPanelRows = 16;
constexpr int kSuperPanelRows = 32;
constexpr int kMaxTileRows = 6;
constexpr int kActivationBlockRows = 192;

enum class ActivationKind : int { kPer32 = 0, kPer256 = 1, kFloat = 2 };
constexpr int kActivationKinds = 3;

// Dwords of a row's unit per 256 before these fields.
constexpr int kField256Sums = 64, kField256Offsets = 68, kField256PairCodes = 84,
              kField256Codes = 88, kField256Scale = 96;
constexpr int kMostWeight256 = 3;  // of w

struct ActivationLayout {
  int unit_columns;
  int unit_dwords;  // of one row
  int most_chunk_units;
};
constexpr ActivationLayout kActivationLayouts[kActivationKinds] = {
    {32, 13, 20}, {256, 97, 2}, {32, 32, 8}};

enum class PackedFormat : int {
  kQ4_0,
  kQ4_1,
  kQ5_0,
  kQ5_1,
  kQ8_0,
  kQ4_K,
  kQ5_K,
  kQ6_K,
  kF32,
  kF16,
  kBF16,
};
constexpr int kPackedFormats = 11;

struct FormatLayout {
  ActivationKind activation;
  int unit_bytes;      // of a super-panel
  int prefetch_steps;  // places in a unit where its kernel prefetches
};
constexpr FormatLayout kFormatLayouts[kPackedFormats] = {
    {ActivationKind::kPer32, 576, 1},    // Q4_0
    {ActivationKind::kPer32, 640, 1},    // Q4_1
    {ActivationKind::kPer32, 704, 1},    // Q5_0
    {ActivationKind::kPer32, 768, 1},    // Q5_1
    {ActivationKind::kPer32, 1088, 1},   // Q8_0
    {ActivationKind::kPer256, 4736, 4},  // Q4_K
    {ActivationKind::kPer256, 5760, 4},  // Q5_K
    {ActivationKind::kPer256, 6720, 8},  // Q6_K
    {ActivationKind::kFloat, 4096, 4},   // F32
    {ActivationKind::kFloat, 2048, 4},   // F16
    {ActivationKind::kFloat, 2048, 4},   // BF16
};

constexpr const FormatLayout& layout_of(PackedFormat format) {
  return kFormatLayouts[static_cast<int>(format)];
}
constexpr const ActivationLayout& layout_of(ActivationKind kind) {
  return kActivationLayouts[static_cast<int>(kind)];
}

constexpr int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

// Units of a chunk, all but the last: as equal as they can be.
constexpr int64_t chunk_units_of(ActivationKind kind, int64_t units) {
  return ceil_div(units, ceil_div(units, layout_of(kind).most_chunk_units));
}

}  // namespace trivet::cpu

#endif  // TRIVET_BACKENDS_CPU_PACKED_FORMAT_H_
