#include "tensor/dequantize.h"

#include <bit>
#include <cstring>

#include "base/check.h"
#include "tensor/float16.h"

// The same source compiled for wider vectors and chosen at start. No level contracts multiply and
// add, so all give the same bits. Sanitizers cannot run in the resolver, which is called before
// they start.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define TRIVET_VECTOR_CLONES __attribute__((target_clones("avx2", "default")))
#else
#define TRIVET_VECTOR_CLONES
#endif
#define TRIVET_INLINE [[gnu::always_inline]] inline

static_assert(std::endian::native == std::endian::little, "weights are read in place");

namespace trivet {
namespace {

constexpr int kGroup = 32;   // columns of a simple block, and of a sub-block of a K block
constexpr int kSuper = 256;  // columns of a K block

TRIVET_INLINE uint16_t load_u16(const uint8_t* at) {
  uint16_t bits;
  std::memcpy(&bits, at, sizeof bits);
  return bits;
}

TRIVET_INLINE float load_f16(const uint8_t* at) { return expand_f16(load_u16(at)); }

TRIVET_INLINE void f16_row(const uint8_t* row, float* out, size_t n) {
  for (size_t i = 0; i < n; ++i) out[i] = load_f16(row + 2 * i);
}

TRIVET_INLINE void bf16_row(const uint8_t* row, float* out, size_t n) {
  for (size_t i = 0; i < n; ++i) out[i] = expand_bf16(load_u16(row + 2 * i));
}

TRIVET_INLINE void i32_row(const uint8_t* row, float* out, size_t n) {
  for (size_t i = 0; i < n; ++i) {
    int32_t value;
    std::memcpy(&value, row + 4 * i, sizeof value);
    out[i] = static_cast<float>(value);
  }
}

// d, 16 bytes: byte j holds column j in its low and column j + 16 in its high nibble.
TRIVET_INLINE void q4_0_block(const uint8_t* block, float* out) {
  const float d = load_f16(block);
  const uint8_t* q = block + 2;
  for (int j = 0; j < kGroup / 2; ++j) {
    out[j] = d * static_cast<float>((q[j] & 15) - 8);
    out[j + 16] = d * static_cast<float>((q[j] >> 4) - 8);
  }
}

// d, m, nibbles as q4_0.
TRIVET_INLINE void q4_1_block(const uint8_t* block, float* out) {
  const float d = load_f16(block), m = load_f16(block + 2);
  const uint8_t* q = block + 4;
  for (int j = 0; j < kGroup / 2; ++j) {
    out[j] = d * static_cast<float>(q[j] & 15) + m;
    out[j + 16] = d * static_cast<float>(q[j] >> 4) + m;
  }
}

// Column j of a 5-bit block: nibble as q4_0, fifth bit = bit j of the 32-bit word.
struct FiveBits {
  int low[kGroup / 2], high[kGroup / 2];
};

TRIVET_INLINE FiveBits five_bits(const uint8_t* word, const uint8_t* q) {
  uint32_t bits;
  std::memcpy(&bits, word, sizeof bits);
  FiveBits values;
  for (int j = 0; j < kGroup / 2; ++j) {
    values.low[j] = static_cast<int>((q[j] & 15u) | (((bits >> j) & 1u) << 4));
    values.high[j] = static_cast<int>((q[j] >> 4) | (((bits >> (j + 16)) & 1u) << 4));
  }
  return values;
}

// d, 32 fifth bits, nibbles.
TRIVET_INLINE void q5_0_block(const uint8_t* block, float* out) {
  const float d = load_f16(block);
  const FiveBits q = five_bits(block + 2, block + 6);
  for (int j = 0; j < kGroup / 2; ++j) {
    out[j] = d * static_cast<float>(q.low[j] - 16);
    out[j + 16] = d * static_cast<float>(q.high[j] - 16);
  }
}

// d, m, 32 fifth bits, nibbles.
TRIVET_INLINE void q5_1_block(const uint8_t* block, float* out) {
  const float d = load_f16(block), m = load_f16(block + 2);
  const FiveBits q = five_bits(block + 4, block + 8);
  for (int j = 0; j < kGroup / 2; ++j) {
    out[j] = d * static_cast<float>(q.low[j]) + m;
    out[j + 16] = d * static_cast<float>(q.high[j]) + m;
  }
}

// d, 32 signed bytes.
TRIVET_INLINE void q8_0_block(const uint8_t* block, float* out) {
  const float d = load_f16(block);
  const auto* q = reinterpret_cast<const int8_t*>(block + 2);
  for (int j = 0; j < kGroup; ++j) out[j] = d * static_cast<float>(q[j]);
}

struct ScaleMin {
  float scale, min;
};

// Sub-block `i` (0..7) of 12 bytes that pack eight 6-bit scales and eight 6-bit minima: bytes 0..3
// hold the first four scales, 4..7 the first four minima, 8..11 the low nibbles of the rest, whose
// upper two bits are the top bits of bytes 0..7.
TRIVET_INLINE ScaleMin k_scale(const uint8_t* packed, int i, float d, float dmin) {
  int scale, min;
  if (i < 4) {
    scale = packed[i] & 63;
    min = packed[i + 4] & 63;
  } else {
    scale = (packed[i + 4] & 15) | ((packed[i - 4] >> 6) << 4);
    min = (packed[i + 4] >> 4) | ((packed[i] >> 6) << 4);
  }
  return {d * static_cast<float>(scale), dmin * static_cast<float>(min)};
}

// d, dmin, 12 bytes of scales, 128 nibble bytes: 32 bytes hold two sub-blocks, low nibbles the
// first.
TRIVET_INLINE void q4_k_block(const uint8_t* block, float* out) {
  const float d = load_f16(block), dmin = load_f16(block + 2);
  const uint8_t* packed = block + 4;
  for (int pair = 0; pair < 4; ++pair) {
    const uint8_t* q = block + 16 + pair * kGroup;
    const ScaleMin a = k_scale(packed, 2 * pair, d, dmin);
    const ScaleMin b = k_scale(packed, 2 * pair + 1, d, dmin);
    float* to = out + 64 * pair;
    for (int j = 0; j < kGroup; ++j) {
      to[j] = a.scale * static_cast<float>(q[j] & 15) - a.min;
      to[j + kGroup] = b.scale * static_cast<float>(q[j] >> 4) - b.min;
    }
  }
}

// As q4_K, with 32 bytes of fifth bits before the nibbles: bit s of byte j is for sub-block s,
// column j.
TRIVET_INLINE void q5_k_block(const uint8_t* block, float* out) {
  const float d = load_f16(block), dmin = load_f16(block + 2);
  const uint8_t* packed = block + 4;
  const uint8_t* fifth = block + 16;
  for (int pair = 0; pair < 4; ++pair) {
    const uint8_t* q = block + 48 + pair * kGroup;
    const ScaleMin a = k_scale(packed, 2 * pair, d, dmin);
    const ScaleMin b = k_scale(packed, 2 * pair + 1, d, dmin);
    float* to = out + 64 * pair;
    for (int j = 0; j < kGroup; ++j) {
      const int low = (q[j] & 15) | (((fifth[j] >> (2 * pair)) & 1) << 4);
      const int high = (q[j] >> 4) | (((fifth[j] >> (2 * pair + 1)) & 1) << 4);
      to[j] = a.scale * static_cast<float>(low) - a.min;
      to[j + kGroup] = b.scale * static_cast<float>(high) - b.min;
    }
  }
}

// 128 bytes of low nibbles, 64 of upper bit pairs, 16 signed scales (one for 16 columns), d. Each
// half of 128 columns has 64 nibble bytes, 32 pair bytes and 8 scales; its four runs of 32 columns
// take the nibbles (low of 0..31, low of 32..63, high of 0..31, high of 32..63) and bit pairs 0, 1,
// 2, 3.
TRIVET_INLINE void q6_k_block(const uint8_t* block, float* out) {
  const auto* scales = reinterpret_cast<const int8_t*>(block + 192);
  const float d = load_f16(block + 208);
  for (int half = 0; half < 2; ++half) {
    const uint8_t* nibbles = block + 64 * half;
    const uint8_t* pairs = block + 128 + 32 * half;
    for (int run = 0; run < 4; ++run) {
      const uint8_t* q = nibbles + 32 * (run & 1);
      const int nibble_shift = 4 * (run >> 1);
      const int pair_shift = 2 * run;
      for (int part = 0; part < 2; ++part) {
        const float scale = d * static_cast<float>(scales[8 * half + 2 * run + part]);
        float* to = out + 128 * half + 32 * run + 16 * part;
        for (int j = 0; j < 16; ++j) {
          const int low = (q[16 * part + j] >> nibble_shift) & 15;
          const int high = (pairs[16 * part + j] >> pair_shift) & 3;
          to[j] = scale * static_cast<float>((low | (high << 4)) - 32);
        }
      }
    }
  }
}

template <int kColumns, int kBytes, class Block>
TRIVET_INLINE void each_block(const uint8_t* row, float* out, size_t n, Block block) {
  for (size_t i = 0; i < n / kColumns; ++i) block(row + i * kBytes, out + i * kColumns);
}

TRIVET_VECTOR_CLONES void dequantize(DType dtype, const uint8_t* row, float* out, size_t n) {
  switch (dtype) {
    case DType::kF32:
      std::memcpy(out, row, n * sizeof(float));
      return;
    case DType::kF16:
      f16_row(row, out, n);
      return;
    case DType::kBF16:
      bf16_row(row, out, n);
      return;
    case DType::kI32:
      i32_row(row, out, n);
      return;
    case DType::kQ4_0:
      each_block<kGroup, 18>(row, out, n, q4_0_block);
      return;
    case DType::kQ4_1:
      each_block<kGroup, 20>(row, out, n, q4_1_block);
      return;
    case DType::kQ5_0:
      each_block<kGroup, 22>(row, out, n, q5_0_block);
      return;
    case DType::kQ5_1:
      each_block<kGroup, 24>(row, out, n, q5_1_block);
      return;
    case DType::kQ8_0:
      each_block<kGroup, 34>(row, out, n, q8_0_block);
      return;
    case DType::kQ4_K:
      each_block<kSuper, 144>(row, out, n, q4_k_block);
      return;
    case DType::kQ5_K:
      each_block<kSuper, 176>(row, out, n, q5_k_block);
      return;
    case DType::kQ6_K:
      each_block<kSuper, 210>(row, out, n, q6_k_block);
      return;
  }
}

}  // namespace

void dequantize_row(DType dtype, const std::byte* row, std::span<float> values) {
  TRIVET_CHECK(static_cast<int64_t>(values.size()) % block_shape(dtype).columns == 0);
  if (values.empty()) return;
  dequantize(dtype, reinterpret_cast<const uint8_t*>(row), values.data(), values.size());
}

}  // namespace trivet
