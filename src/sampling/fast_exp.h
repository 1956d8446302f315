// exp for softmax weights, by lanes: the same bits for every number of lanes, compiler and machine.
#ifndef TRIVET_SAMPLING_FAST_EXP_H_
#define TRIVET_SAMPLING_FAST_EXP_H_

#include <cstdint>
#include <cstring>

namespace trivet {

typedef float Float4 __attribute__((vector_size(16)));
typedef int32_t Int4 __attribute__((vector_size(16)));
typedef float Float16 __attribute__((vector_size(64)));
typedef int32_t Int16 __attribute__((vector_size(64)));

inline Float4 broadcast(float x) { return Float4{x, x, x, x}; }

inline Float4 load4(const float* from) {
  Float4 x;
  std::memcpy(&x, from, sizeof(x));
  return x;
}

inline void store4(float* to, Float4 x) { std::memcpy(to, &x, sizeof(x)); }

inline bool any_lane(Int4 mask) {
  uint64_t halves[2];
  std::memcpy(halves, &mask, sizeof(mask));
  return (halves[0] | halves[1]) != 0;
}

// exp(t) for t <= 0, within 1e-7 relative; larger t count as 0, NaN and t < -86.5 give 0 (the true
// value is below 3e-38). t = n ln2 + r with |r| <= ln2 / 2; exp(r) is a degree 6 polynomial
// (Chebyshev fit, relative error 4e-9), 2^n an addition to the exponent bits.
template <class Floats, class Ints>
[[gnu::always_inline]] inline void exp_lanes(const Floats& t, Floats& out) {
  const Floats zero = {};
  const Floats x = t < zero ? t : zero;
  // Adding 1.5 * 2^23 rounds to an integer and leaves it in the low bits.
  const Floats rounder = zero + 12582912.0f;
  const Floats shifted = x * 1.44269504f + rounder;
  const Floats n = shifted - rounder;
  const Floats r = (x - n * 0.693359375f) - n * -2.12194440e-4f;
  Floats p = zero + 1.375138215e-3f;
  p = p * r + 8.368923427e-3f;
  p = p * r + 4.166953422e-2f;
  p = p * r + 0.166665184f;
  p = p * r + 0.4999998859f;
  p = p * r + 1.0f;
  p = p * r + 1.0f;
  const Ints exponent = (Ints)shifted << 23;
  const Floats value = (Floats)((Ints)p + exponent);
  out = t > zero - 86.5f ? value : zero;
}

inline Float4 exp_of_nonpositive(Float4 t) {
  exp_lanes<Float4, Int4>(t, t);
  return t;
}
inline float exp_of_nonpositive(float t) { return exp_of_nonpositive(broadcast(t))[0]; }

}  // namespace trivet

#endif  // TRIVET_SAMPLING_FAST_EXP_H_
