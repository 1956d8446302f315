#include "pack.h"

#include <algorithm>
#include <cstring>

#include "trivet/backend.h"

namespace trivet::cpu {
namespace {

// Where one row of a unit goes: its panel and its row in the panel.
struct RowPlace {
  uint8_t* unit;
  int panel;
  int row;
};

uint32_t load_u32(const uint8_t* p) {
  uint32_t x;
  std::memcpy(&x, p, 4);
  return x;
}
void store_u32(uint8_t* p, uint32_t x) { std::memcpy(p, &x, 4); }

// Dword s of `source` goes to the row's place in vector s. GGUF's order of nibbles (byte j holds
// columns j and j + 16, or j of two groups) is already the order inside a vector.
void copy_vectors(const uint8_t* source, int vectors, uint32_t flip, uint8_t* out, int row) {
  for (int s = 0; s < vectors; ++s)
    store_u32(out + 64 * s + 4 * row, load_u32(source + 4 * s) ^ flip);
}

// Bit s of byte t of the result = bit 4 s + t of `bits`.
uint32_t spread_bits(uint32_t bits) {
  uint32_t plane = 0;
  for (int s = 0; s < 8; ++s) {
    const uint32_t nibble = bits >> (4 * s);
    plane |= ((nibble & 1) | (nibble & 2) << 7 | (nibble & 4) << 14 | (nibble & 8) << 21) << s;
  }
  return plane;
}

// ---------------------------------------------------------------- blocks of 32

void copy_half(const uint8_t* source, uint8_t* unit, int offset, const RowPlace& at) {
  std::memcpy(unit + offset + 32 * at.panel + 2 * at.row, source, 2);
}

void pack_4(const uint8_t* block, bool minimum, const RowPlace& at) {
  copy_half(block, at.unit, 512, at);
  if (minimum) copy_half(block + 2, at.unit, 576, at);
  copy_vectors(block + (minimum ? 4 : 2), 4, 0, at.unit + 256 * at.panel, at.row);
}

void pack_5(const uint8_t* block, bool minimum, const RowPlace& at) {
  const uint8_t* high = block + (minimum ? 4 : 2);
  copy_half(block, at.unit, 640, at);
  if (minimum) copy_half(block + 2, at.unit, 704, at);
  store_u32(at.unit + 512 + 64 * at.panel + 4 * at.row, spread_bits(load_u32(high)));
  copy_vectors(high + 4, 4, 0, at.unit + 256 * at.panel, at.row);
}

void pack_8(const uint8_t* block, const RowPlace& at) {
  copy_half(block, at.unit, 1024, at);
  copy_vectors(block + 2, 8, 0x80808080u, at.unit + 512 * at.panel, at.row);
}

// ---------------------------------------------------------------- blocks of 256

struct ScaleAndMin {
  uint8_t scale[8];
  uint8_t min[8];
};

ScaleAndMin unpack_k_scales(const uint8_t* q) {
  ScaleAndMin r;
  for (int j = 0; j < 4; ++j) {
    r.scale[j] = q[j] & 63;
    r.min[j] = q[j + 4] & 63;
    r.scale[j + 4] = static_cast<uint8_t>((q[j + 8] & 15) | (q[j] >> 6) << 4);
    r.min[j + 4] = static_cast<uint8_t>((q[j + 8] >> 4) | (q[j + 4] >> 6) << 4);
  }
  return r;
}

void pack_45_k(const uint8_t* block, bool fifth, const RowPlace& at) {
  const int scales = 4096 + (fifth ? 1024 : 0), minima = scales + 256, d = minima + 256;
  copy_half(block, at.unit, d, at);
  copy_half(block + 2, at.unit, d + 64, at);
  const ScaleAndMin side = unpack_k_scales(block + 4);
  const uint8_t* low = block + 16 + (fifth ? 32 : 0);
  for (int pair = 0; pair < 4; ++pair) {
    copy_vectors(low + 32 * pair, 8, 0, at.unit + 1024 * pair + 512 * at.panel, at.row);
    uint8_t* scale = at.unit + scales + 64 * pair + 32 * at.panel + 2 * at.row;
    scale[0] = side.scale[2 * pair + 1];
    scale[1] = side.scale[2 * pair];
    uint8_t* min = at.unit + minima + 64 * pair + 32 * at.panel + 2 * at.row;
    min[0] = side.min[2 * pair];
    min[1] = side.min[2 * pair + 1];
  }
  if (!fifth) return;
  const uint8_t* high = block + 16;
  for (int group = 0; group < 8; ++group) {
    uint8_t* plane =
        at.unit + 4096 + 256 * (group / 2) + 128 * at.panel + 64 * (group % 2) + 4 * at.row;
    uint32_t bits = 0;
    for (int s = 0; s < 8; ++s) bits |= (load_u32(high + 4 * s) >> group & 0x01010101u) << s;
    store_u32(plane, bits);
  }
}

// The 256 six-bit values of a Q6_K block in column order.
void unpack_6_k(const uint8_t* block, uint8_t* q) {
  for (int half = 0; half < 2; ++half) {
    const uint8_t* low = block + 64 * half;
    const uint8_t* high = block + 128 + 32 * half;
    uint8_t* out = q + 128 * half;
    for (int i = 0; i < 32; ++i) {
      out[i] = static_cast<uint8_t>((low[i] & 15) | (high[i] & 3) << 4);
      out[i + 32] = static_cast<uint8_t>((low[i + 32] & 15) | (high[i] >> 2 & 3) << 4);
      out[i + 64] = static_cast<uint8_t>((low[i] >> 4) | (high[i] >> 4 & 3) << 4);
      out[i + 96] = static_cast<uint8_t>((low[i + 32] >> 4) | (high[i] >> 6) << 4);
    }
  }
}

void pack_6_k(const uint8_t* block, const RowPlace& at) {
  uint8_t q[256];
  unpack_6_k(block, q);
  const uint8_t* scales = block + 192;
  copy_half(block + 208, at.unit, 6656, at);
  for (int group = 0; group < 8; ++group) {
    uint8_t* vectors = at.unit + 512 * group + 256 * at.panel + 4 * at.row;
    uint8_t* planes = at.unit + 4096 + 256 * group + 128 * at.panel + 4 * at.row;
    uint32_t high[2] = {0, 0};
    for (int s = 0; s < 4; ++s) {
      const uint32_t first = load_u32(q + 32 * group + 4 * s),
                     second = load_u32(q + 32 * group + 16 + 4 * s);
      store_u32(vectors + 64 * s, (first & 0x0F0F0F0Fu) | (second & 0x0F0F0F0Fu) << 4);
      high[0] |= (first >> 4 & 0x03030303u) << (2 * s);
      high[1] |= (second >> 4 & 0x03030303u) << (2 * s);
    }
    store_u32(planes, high[0]);
    store_u32(planes + 64, high[1]);
    uint8_t* scale = at.unit + 6144 + 64 * group + 32 * at.panel + 2 * at.row;
    scale[0] = scales[2 * group + 1];
    scale[1] = scales[2 * group];
  }
}

// ---------------------------------------------------------------- floats

void pack_floats(PackedFormat format, const uint8_t* values, int count, const RowPlace& at) {
  const int lane = 16 * at.panel + at.row;
  for (int k = 0; k < count; ++k) {
    if (format == PackedFormat::kF32) {
      std::memcpy(at.unit + 128 * k + 4 * lane, values + 4 * k, 4);
    } else if (format == PackedFormat::kF16) {
      std::memcpy(at.unit + 64 * k + 2 * lane, values + 2 * k, 2);
    } else {
      std::memcpy(at.unit + 128 * (k / 2) + 4 * lane + 2 * (k % 2), values + 2 * k, 2);
    }
  }
}

void pack_block(PackedFormat format, const uint8_t* block, const RowPlace& at) {
  switch (format) {
    case PackedFormat::kQ4_0:
      return pack_4(block, false, at);
    case PackedFormat::kQ4_1:
      return pack_4(block, true, at);
    case PackedFormat::kQ5_0:
      return pack_5(block, false, at);
    case PackedFormat::kQ5_1:
      return pack_5(block, true, at);
    case PackedFormat::kQ8_0:
      return pack_8(block, at);
    case PackedFormat::kQ4_K:
      return pack_45_k(block, false, at);
    case PackedFormat::kQ5_K:
      return pack_45_k(block, true, at);
    case PackedFormat::kQ6_K:
      return pack_6_k(block, at);
    default:
      return;
  }
}

}  // namespace

std::optional<PackedFormat> packed_format_of(uint32_t dtype) {
  switch (dtype) {
    case TRIVET_F32:
      return PackedFormat::kF32;
    case TRIVET_F16:
      return PackedFormat::kF16;
    case TRIVET_BF16:
      return PackedFormat::kBF16;
    case TRIVET_Q4_0:
      return PackedFormat::kQ4_0;
    case TRIVET_Q4_1:
      return PackedFormat::kQ4_1;
    case TRIVET_Q5_0:
      return PackedFormat::kQ5_0;
    case TRIVET_Q5_1:
      return PackedFormat::kQ5_1;
    case TRIVET_Q8_0:
      return PackedFormat::kQ8_0;
    case TRIVET_Q4_K:
      return PackedFormat::kQ4_K;
    case TRIVET_Q5_K:
      return PackedFormat::kQ5_K;
    case TRIVET_Q6_K:
      return PackedFormat::kQ6_K;
    default:
      return std::nullopt;
  }
}

SourceBlock source_block_of(PackedFormat format) {
  constexpr SourceBlock kBlocks[kPackedFormats] = {{32, 18}, {32, 20},   {32, 22},   {32, 24},
                                                   {32, 34}, {256, 144}, {256, 176}, {256, 210},
                                                   {1, 4},   {1, 2},     {1, 2}};
  return kBlocks[static_cast<int>(format)];
}

int64_t units_of(PackedFormat format, int64_t columns) {
  return ceil_div(columns, layout_of(layout_of(format).activation).unit_columns);
}

int64_t super_panels_of(int64_t rows) { return ceil_div(rows, kSuperPanelRows); }

void pack_super_panel(PackedFormat format, const uint8_t* source, int64_t rows, int64_t columns,
                      int64_t super_panel, uint8_t* out) {
  const int unit_bytes = layout_of(format).unit_bytes;
  const int unit_columns = layout_of(layout_of(format).activation).unit_columns;
  const SourceBlock block = source_block_of(format);
  const int64_t row_bytes = columns / block.columns * block.bytes;
  const int64_t units = units_of(format, columns);
  const int64_t first = super_panel * kSuperPanelRows;
  const int valid = static_cast<int>(std::min<int64_t>(kSuperPanelRows, rows - first));
  for (int64_t u = 0; u < units; ++u) {
    uint8_t* unit = out + u * unit_bytes;
    const int count = static_cast<int>(std::min<int64_t>(unit_columns, columns - u * unit_columns));
    if (valid < kSuperPanelRows || count < unit_columns) std::memset(unit, 0, unit_bytes);
    for (int r = 0; r < valid; ++r) {
      const RowPlace at = {unit, r / kPanelRows, r % kPanelRows};
      const uint8_t* values =
          source + (first + r) * row_bytes + u * unit_columns / block.columns * block.bytes;
      if (block.columns == 1) {
        pack_floats(format, values, count, at);
      } else {
        pack_block(format, values, at);
      }
    }
  }
}

}  // namespace trivet::cpu
