#include "tensor/float16.h"

#include "tensor/dequantize.h"

namespace trivet {
namespace {

// value >> shift, to nearest, ties to even. 1 <= shift <= 31.
uint32_t shift_right_to_nearest_even(uint32_t value, int shift) {
  const uint32_t half = 1u << (shift - 1);
  const uint32_t rest = value & ((half << 1) - 1);
  const uint32_t kept = value >> shift;
  return kept + (rest > half || (rest == half && (kept & 1)));
}

}  // namespace

float f16_to_f32(uint16_t bits) { return expand_f16(bits); }

float bf16_to_f32(uint16_t bits) { return expand_bf16(bits); }

uint16_t f32_to_f16(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  const auto sign = static_cast<uint16_t>((bits >> 16) & 0x8000);
  const uint32_t magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) {  // NaN: stays NaN and becomes quiet
    return static_cast<uint16_t>(sign | 0x7e00 | ((magnitude >> 13) & 0x1ff));
  }
  const int exponent = static_cast<int>(magnitude >> 23) - 127;
  if (exponent > 15) return sign | 0x7c00;
  if (exponent < -25) return sign;
  if (exponent < -14) {  // subnormal result: units of 2^-24
    const uint32_t mantissa = (magnitude & 0x7fffff) | 0x800000;
    const uint32_t units = shift_right_to_nearest_even(mantissa, -exponent - 1);
    return static_cast<uint16_t>(sign | units);
  }
  // A carry out of the mantissa moves into the exponent, up to infinity, as it must.
  const uint32_t rebiased = magnitude - ((127u - 15u) << 23);
  return static_cast<uint16_t>(sign | shift_right_to_nearest_even(rebiased, 13));
}

uint16_t f32_to_bf16(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  if ((bits & 0x7fffffff) > 0x7f800000) return static_cast<uint16_t>((bits >> 16) | 0x40);
  // 16-bit shift of the signed pattern: rounding the magnitude leaves the sign alone.
  const uint32_t magnitude = shift_right_to_nearest_even(bits & 0x7fffffff, 16);
  return static_cast<uint16_t>(((bits >> 16) & 0x8000) | magnitude);
}

}  // namespace trivet
