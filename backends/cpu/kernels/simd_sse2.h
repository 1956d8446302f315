// Vectors of sixteen 32-bit lanes as four SSE2 registers: what every x86-64 processor runs. See
// simd_avx512.h for the contract of each name. There is no fused multiply-add here: fma() rounds
// twice.

struct Floats {
  __m128 v[4];
};
struct Ints {
  __m128i v[4];
};

constexpr int kTileRows = 2;
constexpr int kTilePanels = 1;
constexpr int kAttentionRows = 2;
constexpr int kAttentionVectors = 1;
constexpr bool kOffsetInDotQ8 = true;
constexpr bool kDotIsTransparent = true;

#define TRIVET_EACH TRIVET_UNROLL for (int i = 0; i < 4; ++i)

TRIVET_INLINE Floats load_f(const float* p) {
  Floats r;
  TRIVET_EACH r.v[i] = _mm_loadu_ps(p + 4 * i);
  return r;
}
TRIVET_INLINE void store_f(float* p, Floats x) { TRIVET_EACH _mm_storeu_ps(p + 4 * i, x.v[i]); }
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
TRIVET_INLINE Floats set_f(float x) {
  const __m128 v = _mm_set1_ps(x);
  return {{v, v, v, v}};
}
#define TRIVET_FOUR_F(name, op)                   \
  TRIVET_INLINE Floats name(Floats x, Floats y) { \
    TRIVET_EACH x.v[i] = op(x.v[i], y.v[i]);      \
    return x;                                     \
  }
TRIVET_FOUR_F(add, _mm_add_ps)
TRIVET_FOUR_F(sub, _mm_sub_ps)
TRIVET_FOUR_F(mul, _mm_mul_ps)
TRIVET_FOUR_F(div, _mm_div_ps)
TRIVET_FOUR_F(max_f, _mm_max_ps)
TRIVET_FOUR_F(min_f, _mm_min_ps)
#undef TRIVET_FOUR_F
TRIVET_INLINE Floats fma(Floats x, Floats y, Floats z) { return add(mul(x, y), z); }
TRIVET_INLINE Floats fms(Floats x, Floats y, Floats z) { return sub(mul(x, y), z); }
TRIVET_INLINE Floats fnma(Floats x, Floats y, Floats z) { return sub(z, mul(x, y)); }
TRIVET_INLINE Floats abs_f(Floats x) {
  TRIVET_EACH x.v[i] = _mm_andnot_ps(_mm_set1_ps(-0.0f), x.v[i]);
  return x;
}
TRIVET_INLINE Floats select_less(Floats x, Floats y, Floats yes, Floats no) {
  TRIVET_EACH {
    const __m128 m = _mm_cmplt_ps(x.v[i], y.v[i]);
    no.v[i] = _mm_or_ps(_mm_and_ps(m, yes.v[i]), _mm_andnot_ps(m, no.v[i]));
  }
  return no;
}
TRIVET_INLINE float sum_lanes(Floats x) {
  __m128 b = _mm_add_ps(_mm_add_ps(x.v[0], x.v[2]), _mm_add_ps(x.v[1], x.v[3]));
  b = _mm_add_ps(b, _mm_movehl_ps(b, b));
  return _mm_cvtss_f32(_mm_add_ss(b, _mm_shuffle_ps(b, b, 1)));
}
TRIVET_INLINE float max_lanes(Floats x) {
  __m128 b = _mm_max_ps(_mm_max_ps(x.v[0], x.v[2]), _mm_max_ps(x.v[1], x.v[3]));
  b = _mm_max_ps(b, _mm_movehl_ps(b, b));
  return _mm_cvtss_f32(_mm_max_ss(b, _mm_shuffle_ps(b, b, 1)));
}

TRIVET_INLINE void max_lanes_4(const Floats (&v)[4], float* out) {
  for (int j = 0; j < 4; ++j) out[j] = max_lanes(v[j]);
}

TRIVET_INLINE Ints load_i(const void* p) {
  Ints r;
  TRIVET_EACH r.v[i] = _mm_loadu_si128(static_cast<const __m128i*>(p) + i);
  return r;
}
TRIVET_INLINE void store_i(void* p, Ints x) {
  TRIVET_EACH _mm_storeu_si128(static_cast<__m128i*>(p) + i, x.v[i]);
}
TRIVET_INLINE Ints set_i(int32_t x) {
  const __m128i v = _mm_set1_epi32(x);
  return {{v, v, v, v}};
}
TRIVET_INLINE Ints opaque(Ints v) {
  asm volatile("" : "+x"(v.v[0]), "+x"(v.v[1]), "+x"(v.v[2]), "+x"(v.v[3]));
  return v;
}
TRIVET_INLINE Ints zero_i() { return set_i(0); }
TRIVET_INLINE __m128i mul_quarter(__m128i x, __m128i y) {
  const __m128i even = _mm_mul_epu32(x, y);
  const __m128i odd = _mm_mul_epu32(_mm_srli_si128(x, 4), _mm_srli_si128(y, 4));
  return _mm_unpacklo_epi32(_mm_shuffle_epi32(even, 0x08), _mm_shuffle_epi32(odd, 0x08));
}
#define TRIVET_FOUR_I(name, op)              \
  TRIVET_INLINE Ints name(Ints x, Ints y) {  \
    TRIVET_EACH x.v[i] = op(x.v[i], y.v[i]); \
    return x;                                \
  }
TRIVET_FOUR_I(add_i, _mm_add_epi32)
TRIVET_FOUR_I(mul_i, mul_quarter)
TRIVET_FOUR_I(and_i, _mm_and_si128)
TRIVET_FOUR_I(xor_i, _mm_xor_si128)
TRIVET_FOUR_I(or_i, _mm_or_si128)
#undef TRIVET_FOUR_I
#define TRIVET_SHIFT(name, op)          \
  template <int n>                      \
  TRIVET_INLINE Ints name(Ints x) {     \
    TRIVET_EACH x.v[i] = op(x.v[i], n); \
    return x;                           \
  }
TRIVET_SHIFT(shl16, _mm_slli_epi16)
TRIVET_SHIFT(shr16, _mm_srli_epi16)
TRIVET_SHIFT(shl32, _mm_slli_epi32)
TRIVET_SHIFT(shr32, _mm_srli_epi32)
TRIVET_SHIFT(sar32, _mm_srai_epi32)
#undef TRIVET_SHIFT
TRIVET_INLINE Ints merge_bits(Ints plane, Ints mask, Ints low) {
  return or_i(and_i(plane, mask), low);
}
TRIVET_INLINE Ints broadcast(const int32_t* p) { return set_i(*p); }
TRIVET_INLINE Ints dot_u8(Ints c, Ints w, Ints a) {
  const __m128i zero = _mm_setzero_si128();
  TRIVET_EACH {
    const __m128i sign = _mm_cmpgt_epi8(zero, a.v[i]);
    const __m128i lo =
        _mm_madd_epi16(_mm_unpacklo_epi8(w.v[i], zero), _mm_unpacklo_epi8(a.v[i], sign));
    const __m128i hi =
        _mm_madd_epi16(_mm_unpackhi_epi8(w.v[i], zero), _mm_unpackhi_epi8(a.v[i], sign));
    const __m128 x = _mm_castsi128_ps(lo), y = _mm_castsi128_ps(hi);
    c.v[i] = _mm_add_epi32(c.v[i], _mm_add_epi32(_mm_castps_si128(_mm_shuffle_ps(x, y, 0x88)),
                                                 _mm_castps_si128(_mm_shuffle_ps(x, y, 0xDD))));
  }
  return c;
}
TRIVET_INLINE Ints dot_q8(Ints c, Ints w, Ints a) { return dot_u8(c, w, a); }
TRIVET_INLINE Ints dot_i16(Ints c, Ints w, Ints a) {
  TRIVET_EACH c.v[i] = _mm_add_epi32(c.v[i], _mm_madd_epi16(w.v[i], a.v[i]));
  return c;
}
// Both 16-bit halves of a lane times 2^w.
constexpr int32_t code_of_weight(int w) { return 1 << w; }
TRIVET_INLINE Ints scale_by_code(Ints halves, Ints codes) {
  TRIVET_EACH halves.v[i] = _mm_mullo_epi16(halves.v[i], codes.v[i]);
  return halves;
}
TRIVET_INLINE Ints widen_u8(const uint8_t* p) {
  Ints r;
  TRIVET_EACH r.v[i] = _mm_unpacklo_epi8(
      _mm_loadl_epi64(reinterpret_cast<const __m128i*>(p + 8 * i)), _mm_setzero_si128());
  return r;
}
TRIVET_INLINE Ints widen_s8(const uint8_t* p) {
  Ints r;
  TRIVET_EACH {
    const __m128i x = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(p + 8 * i));
    r.v[i] = _mm_unpacklo_epi8(x, _mm_cmpgt_epi8(_mm_setzero_si128(), x));
  }
  return r;
}

TRIVET_INLINE Floats to_float(Ints x) {
  Floats r;
  TRIVET_EACH r.v[i] = _mm_cvtepi32_ps(x.v[i]);
  return r;
}
TRIVET_INLINE Ints to_int(Floats x) {
  Ints r;
  TRIVET_EACH r.v[i] = _mm_cvtps_epi32(x.v[i]);
  return r;
}
TRIVET_INLINE Floats bits_to_float(Ints x) {
  Floats r;
  TRIVET_EACH r.v[i] = _mm_castsi128_ps(x.v[i]);
  return r;
}
TRIVET_INLINE Ints float_to_bits(Floats x) {
  Ints r;
  TRIVET_EACH r.v[i] = _mm_castps_si128(x.v[i]);
  return r;
}
TRIVET_INLINE int32_t sum_lanes_i(Ints x) {
  __m128i b = _mm_add_epi32(_mm_add_epi32(x.v[0], x.v[1]), _mm_add_epi32(x.v[2], x.v[3]));
  b = _mm_add_epi32(b, _mm_shuffle_epi32(b, 0x4E));
  return _mm_cvtsi128_si32(_mm_add_epi32(b, _mm_shuffle_epi32(b, 0xB1)));
}
TRIVET_INLINE void store_bytes(int8_t* p, Ints x) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm_packs_epi16(_mm_packs_epi32(x.v[0], x.v[1]),
                                                                  _mm_packs_epi32(x.v[2], x.v[3])));
}

// IEEE half to single: the exponent is moved by a multiplication, which also normalises subnormals.
TRIVET_INLINE Floats load_half(const uint16_t* p) {
  Floats r;
  TRIVET_EACH {
    const __m128i h = _mm_unpacklo_epi16(
        _mm_loadl_epi64(reinterpret_cast<const __m128i*>(p + 4 * i)), _mm_setzero_si128());
    const __m128i magnitude = _mm_and_si128(h, _mm_set1_epi32(0x7FFF));
    const __m128i sign = _mm_slli_epi32(_mm_and_si128(h, _mm_set1_epi32(0x8000)), 16);
    const __m128i scaled = _mm_castps_si128(
        _mm_mul_ps(_mm_castsi128_ps(_mm_slli_epi32(magnitude, 13)), _mm_set1_ps(0x1p112f)));
    const __m128i special = _mm_cmpgt_epi32(magnitude, _mm_set1_epi32(0x7BFF));
    const __m128i exponent = _mm_and_si128(special, _mm_set1_epi32(0x7F800000));
    r.v[i] = _mm_castsi128_ps(_mm_or_si128(_mm_or_si128(scaled, exponent), sign));
  }
  return r;
}
TRIVET_INLINE uint16_t half_of(float value) {
  uint32_t x;
  memcpy(&x, &value, 4);
  const uint32_t sign = (x >> 16) & 0x8000u;
  x &= 0x7FFFFFFFu;
  if (x > 0x7F800000u) return static_cast<uint16_t>(sign | 0x7E00u);
  if (x >= 0x477FF000u) return static_cast<uint16_t>(sign | 0x7C00u);
  if (x < 0x38800000u) {  // subnormal: adding 0.5 lets the adder round to a multiple of 2^-24
    float y;
    memcpy(&y, &x, 4);
    y += 0.5f;
    memcpy(&x, &y, 4);
    return static_cast<uint16_t>(sign | (x - 0x3F000000u));
  }
  x += 0xC8000FFFu + ((x >> 13) & 1u);
  return static_cast<uint16_t>(sign | (x >> 13));
}
TRIVET_INLINE void store_half(uint16_t* p, Floats x) {
  alignas(64) float t[16];
  store_f(t, x);
  for (int i = 0; i < 16; ++i) p[i] = half_of(t[i]);
}

TRIVET_INLINE void load_pairs(const float* p, Floats& even, Floats& odd) {
  TRIVET_EACH {
    const __m128 a = _mm_loadu_ps(p + 8 * i), b = _mm_loadu_ps(p + 8 * i + 4);
    even.v[i] = _mm_shuffle_ps(a, b, 0x88);
    odd.v[i] = _mm_shuffle_ps(a, b, 0xDD);
  }
}
TRIVET_INLINE void store_pairs(float* p, Floats even, Floats odd) {
  TRIVET_EACH {
    _mm_storeu_ps(p + 8 * i, _mm_unpacklo_ps(even.v[i], odd.v[i]));
    _mm_storeu_ps(p + 8 * i + 4, _mm_unpackhi_ps(even.v[i], odd.v[i]));
  }
}
#undef TRIVET_EACH

#include "kernels/simd_plain.h"
