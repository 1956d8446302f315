// Vectors of sixteen 32-bit lanes as two AVX2 registers; see simd_avx512.h for the contract of each
// name.

struct Floats {
  __m256 a, b;
};
struct Ints {
  __m256i a, b;
};

constexpr int kTileRows = 4;
constexpr int kTilePanels = 1;
constexpr int kAttentionRows = 4;
constexpr int kAttentionVectors = 1;
// vpmaddubsw saturates at 16 bits: exact for weights below 128, so dot_q8 works on magnitudes.
constexpr bool kOffsetInDotQ8 = false;
constexpr bool kDotIsTransparent = true;

TRIVET_INLINE Floats load_f(const float* p) { return {_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)}; }
TRIVET_INLINE void store_f(float* p, Floats v) {
  _mm256_storeu_ps(p, v.a);
  _mm256_storeu_ps(p + 8, v.b);
}
TRIVET_INLINE Floats load_part_f(const float* p, int n) {
  alignas(64) float t[16] = {};
  for (int i = 0; i < n; ++i) t[i] = p[i];
  return load_f(t);
}
TRIVET_INLINE void store_part_f(float* p, Floats v, int n) {
  alignas(64) float t[16];
  store_f(t, v);
  for (int i = 0; i < n; ++i) p[i] = t[i];
}
TRIVET_INLINE Floats set_f(float x) { return {_mm256_set1_ps(x), _mm256_set1_ps(x)}; }
#define TRIVET_BOTH_F(name, op) \
  TRIVET_INLINE Floats name(Floats x, Floats y) { return {op(x.a, y.a), op(x.b, y.b)}; }
TRIVET_BOTH_F(add, _mm256_add_ps)
TRIVET_BOTH_F(sub, _mm256_sub_ps)
TRIVET_BOTH_F(mul, _mm256_mul_ps)
TRIVET_BOTH_F(div, _mm256_div_ps)
TRIVET_BOTH_F(max_f, _mm256_max_ps)
TRIVET_BOTH_F(min_f, _mm256_min_ps)
#undef TRIVET_BOTH_F
TRIVET_INLINE Floats fma(Floats x, Floats y, Floats z) {
  return {_mm256_fmadd_ps(x.a, y.a, z.a), _mm256_fmadd_ps(x.b, y.b, z.b)};
}
TRIVET_INLINE Floats fms(Floats x, Floats y, Floats z) {
  return {_mm256_fmsub_ps(x.a, y.a, z.a), _mm256_fmsub_ps(x.b, y.b, z.b)};
}
TRIVET_INLINE Floats fnma(Floats x, Floats y, Floats z) {
  return {_mm256_fnmadd_ps(x.a, y.a, z.a), _mm256_fnmadd_ps(x.b, y.b, z.b)};
}
TRIVET_INLINE Floats abs_f(Floats x) {
  const __m256 sign = _mm256_set1_ps(-0.0f);
  return {_mm256_andnot_ps(sign, x.a), _mm256_andnot_ps(sign, x.b)};
}
TRIVET_INLINE Floats select_less(Floats x, Floats y, Floats yes, Floats no) {
  return {_mm256_blendv_ps(no.a, yes.a, _mm256_cmp_ps(x.a, y.a, _CMP_LT_OQ)),
          _mm256_blendv_ps(no.b, yes.b, _mm256_cmp_ps(x.b, y.b, _CMP_LT_OQ))};
}
TRIVET_INLINE float sum_lanes(Floats v) {
  const __m256 a = _mm256_add_ps(v.a, v.b);
  __m128 b = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
  b = _mm_add_ps(b, _mm_movehl_ps(b, b));
  return _mm_cvtss_f32(_mm_add_ss(b, _mm_movehdup_ps(b)));
}
TRIVET_INLINE float max_lanes(Floats v) {
  const __m256 a = _mm256_max_ps(v.a, v.b);
  __m128 b = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
  b = _mm_max_ps(b, _mm_movehl_ps(b, b));
  return _mm_cvtss_f32(_mm_max_ss(b, _mm_movehdup_ps(b)));
}

TRIVET_INLINE void max_lanes_4(const Floats (&v)[4], float* out) {
  for (int j = 0; j < 4; ++j) out[j] = max_lanes(v[j]);
}

TRIVET_INLINE Ints load_i(const void* p) {
  const __m256i* q = static_cast<const __m256i*>(p);
  return {_mm256_loadu_si256(q), _mm256_loadu_si256(q + 1)};
}
TRIVET_INLINE void store_i(void* p, Ints v) {
  __m256i* q = static_cast<__m256i*>(p);
  _mm256_storeu_si256(q, v.a);
  _mm256_storeu_si256(q + 1, v.b);
}
TRIVET_INLINE Ints opaque(Ints v) {
  asm volatile("" : "+x"(v.a), "+x"(v.b));
  return v;
}
TRIVET_INLINE Ints zero_i() { return {_mm256_setzero_si256(), _mm256_setzero_si256()}; }
TRIVET_INLINE Ints set_i(int32_t x) { return {_mm256_set1_epi32(x), _mm256_set1_epi32(x)}; }
#define TRIVET_BOTH_I(name, op) \
  TRIVET_INLINE Ints name(Ints x, Ints y) { return {op(x.a, y.a), op(x.b, y.b)}; }
TRIVET_BOTH_I(add_i, _mm256_add_epi32)
TRIVET_BOTH_I(mul_i, _mm256_mullo_epi32)
TRIVET_BOTH_I(and_i, _mm256_and_si256)
TRIVET_BOTH_I(xor_i, _mm256_xor_si256)
#undef TRIVET_BOTH_I
#define TRIVET_SHIFT(name, op)       \
  template <int n>                   \
  TRIVET_INLINE Ints name(Ints x) {  \
    return {op(x.a, n), op(x.b, n)}; \
  }
TRIVET_SHIFT(shl16, _mm256_slli_epi16)
TRIVET_SHIFT(shr16, _mm256_srli_epi16)
TRIVET_SHIFT(shl32, _mm256_slli_epi32)
TRIVET_SHIFT(shr32, _mm256_srli_epi32)
TRIVET_SHIFT(sar32, _mm256_srai_epi32)
#undef TRIVET_SHIFT
TRIVET_INLINE Ints merge_bits(Ints plane, Ints mask, Ints low) {
  return {_mm256_or_si256(_mm256_and_si256(plane.a, mask.a), low.a),
          _mm256_or_si256(_mm256_and_si256(plane.b, mask.b), low.b)};
}
TRIVET_INLINE Ints broadcast(const int32_t* p) { return set_i(*p); }
TRIVET_INLINE __m256i dot_half_u8(__m256i c, __m256i w, __m256i a) {
  return _mm256_add_epi32(c, _mm256_madd_epi16(_mm256_maddubs_epi16(w, a), _mm256_set1_epi16(1)));
}
TRIVET_INLINE Ints dot_u8(Ints c, Ints w, Ints a) {
  return {dot_half_u8(c.a, w.a, a.a), dot_half_u8(c.b, w.b, a.b)};
}
// |w| times a with the sign of w.
TRIVET_INLINE __m256i dot_half_q8(__m256i c, __m256i w, __m256i a) {
  w = _mm256_xor_si256(w, _mm256_set1_epi8(-128));
  return dot_half_u8(c, _mm256_abs_epi8(w), _mm256_sign_epi8(a, w));
}
TRIVET_INLINE Ints dot_q8(Ints c, Ints w, Ints a) {
  return {dot_half_q8(c.a, w.a, a.a), dot_half_q8(c.b, w.b, a.b)};
}
TRIVET_INLINE Ints dot_i16(Ints c, Ints w, Ints a) {
  return {_mm256_add_epi32(c.a, _mm256_madd_epi16(w.a, a.a)),
          _mm256_add_epi32(c.b, _mm256_madd_epi16(w.b, a.b))};
}
// Both 16-bit halves of a lane times 2^w.
constexpr int32_t code_of_weight(int w) { return 1 << w; }
TRIVET_INLINE Ints scale_by_code(Ints halves, Ints codes) {
  return {_mm256_mullo_epi16(halves.a, codes.a), _mm256_mullo_epi16(halves.b, codes.b)};
}
TRIVET_INLINE Ints widen_u8(const uint8_t* p) {
  const __m128i* q = reinterpret_cast<const __m128i*>(p);
  return {_mm256_cvtepu8_epi16(_mm_loadu_si128(q)), _mm256_cvtepu8_epi16(_mm_loadu_si128(q + 1))};
}
TRIVET_INLINE Ints widen_s8(const uint8_t* p) {
  const __m128i* q = reinterpret_cast<const __m128i*>(p);
  return {_mm256_cvtepi8_epi16(_mm_loadu_si128(q)), _mm256_cvtepi8_epi16(_mm_loadu_si128(q + 1))};
}

TRIVET_INLINE Floats to_float(Ints v) { return {_mm256_cvtepi32_ps(v.a), _mm256_cvtepi32_ps(v.b)}; }
TRIVET_INLINE Ints to_int(Floats v) { return {_mm256_cvtps_epi32(v.a), _mm256_cvtps_epi32(v.b)}; }
TRIVET_INLINE Floats bits_to_float(Ints v) {
  return {_mm256_castsi256_ps(v.a), _mm256_castsi256_ps(v.b)};
}
TRIVET_INLINE Ints float_to_bits(Floats v) {
  return {_mm256_castps_si256(v.a), _mm256_castps_si256(v.b)};
}
TRIVET_INLINE int32_t sum_lanes_i(Ints v) {
  const __m256i a = _mm256_add_epi32(v.a, v.b);
  __m128i b = _mm_add_epi32(_mm256_castsi256_si128(a), _mm256_extracti128_si256(a, 1));
  b = _mm_add_epi32(b, _mm_shuffle_epi32(b, 0x4E));
  return _mm_cvtsi128_si32(_mm_add_epi32(b, _mm_shuffle_epi32(b, 0xB1)));
}
TRIVET_INLINE void store_bytes(int8_t* p, Ints v) {
  const __m128i lo = _mm_packs_epi32(_mm256_castsi256_si128(v.a), _mm256_extracti128_si256(v.a, 1));
  const __m128i hi = _mm_packs_epi32(_mm256_castsi256_si128(v.b), _mm256_extracti128_si256(v.b, 1));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm_packs_epi16(lo, hi));
}

TRIVET_INLINE Floats load_half(const uint16_t* p) {
  const __m128i* q = reinterpret_cast<const __m128i*>(p);
  return {_mm256_cvtph_ps(_mm_loadu_si128(q)), _mm256_cvtph_ps(_mm_loadu_si128(q + 1))};
}
TRIVET_INLINE void store_half(uint16_t* p, Floats v) {
  __m128i* q = reinterpret_cast<__m128i*>(p);
  _mm_storeu_si128(q, _mm256_cvtps_ph(v.a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
  _mm_storeu_si128(q + 1, _mm256_cvtps_ph(v.b, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}

TRIVET_INLINE void load_pairs(const float* p, Floats& even, Floats& odd) {
  alignas(64) float e[16], o[16];
  for (int i = 0; i < 16; ++i) {
    e[i] = p[2 * i];
    o[i] = p[2 * i + 1];
  }
  even = load_f(e);
  odd = load_f(o);
}
TRIVET_INLINE void store_pairs(float* p, Floats even, Floats odd) {
  alignas(64) float e[16], o[16];
  store_f(e, even);
  store_f(o, odd);
  for (int i = 0; i < 16; ++i) {
    p[2 * i] = e[i];
    p[2 * i + 1] = o[i];
  }
}

#include "kernels/simd_plain.h"
