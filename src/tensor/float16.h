// 16-bit floats to float32 without branches, so that loops over them become vector code.
#ifndef TRIVET_TENSOR_FLOAT16_H_
#define TRIVET_TENSOR_FLOAT16_H_

#include <bit>
#include <cstdint>

namespace trivet {

// Exact for every bit pattern, and unaffected by flush-to-zero: an f16 subnormal is built as the
// difference of two normal float32 numbers.
[[gnu::always_inline]] inline float expand_f16(uint16_t bits) {
  constexpr uint32_t kRebias = (127 - 15) << 23;
  constexpr uint32_t kSmallestNormal = kRebias + (1u << 23);
  const uint32_t magnitude = static_cast<uint32_t>(bits & 0x7fff) << 13;
  const uint32_t sign = static_cast<uint32_t>(bits & 0x8000) << 16;
  const uint32_t normal = magnitude + kRebias;
  const uint32_t subnormal = std::bit_cast<uint32_t>(
      std::bit_cast<float>(magnitude + kSmallestNormal) - std::bit_cast<float>(kSmallestNormal));
  const uint32_t special = magnitude | 0x7f800000u;  // infinity, NaN
  uint32_t result = magnitude < (1u << 23) ? subnormal : normal;
  result = magnitude >= (31u << 23) ? special : result;
  return std::bit_cast<float>(result | sign);
}

[[gnu::always_inline]] inline float expand_bf16(uint16_t bits) {
  return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16);
}

}  // namespace trivet

#endif  // TRIVET_TENSOR_FLOAT16_H_
