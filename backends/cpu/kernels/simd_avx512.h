// Vectors of sixteen 32-bit lanes on AVX-512. Every simd_*.h gives the same names; a kernel is
// written once on top of them. Included inside the level's own namespace, so it includes nothing
// itself.

using Floats = __m512;
using Ints = __m512i;

// Rows of a matrix tile, 16-row panels per tile, and rows per attention tile: what the registers
// hold.
constexpr int kTileRows = 6;
constexpr int kTilePanels = 2;
constexpr int kAttentionRows = 8;
constexpr int kAttentionVectors = 4;
// dot_q8 multiplies the stored value + 128; the caller takes 128 * sum of a off.
constexpr bool kOffsetInDotQ8 = true;
// The compiler sees into dot_u8 and may move what does not change out of a loop.
constexpr bool kDotIsTransparent = false;

TRIVET_INLINE Floats load_f(const float* p) { return _mm512_loadu_ps(p); }
TRIVET_INLINE void store_f(float* p, Floats v) { _mm512_storeu_ps(p, v); }
TRIVET_INLINE Floats load_part_f(const float* p, int n) {
  return _mm512_maskz_loadu_ps(static_cast<__mmask16>((1u << n) - 1), p);
}
TRIVET_INLINE void store_part_f(float* p, Floats v, int n) {
  _mm512_mask_storeu_ps(p, static_cast<__mmask16>((1u << n) - 1), v);
}
TRIVET_INLINE Floats set_f(float x) { return _mm512_set1_ps(x); }
TRIVET_INLINE Floats add(Floats a, Floats b) { return _mm512_add_ps(a, b); }
TRIVET_INLINE Floats sub(Floats a, Floats b) { return _mm512_sub_ps(a, b); }
TRIVET_INLINE Floats mul(Floats a, Floats b) { return _mm512_mul_ps(a, b); }
TRIVET_INLINE Floats div(Floats a, Floats b) { return _mm512_div_ps(a, b); }
TRIVET_INLINE Floats max_f(Floats a, Floats b) { return _mm512_max_ps(a, b); }
TRIVET_INLINE Floats min_f(Floats a, Floats b) { return _mm512_min_ps(a, b); }
TRIVET_INLINE Floats fma(Floats a, Floats b, Floats c) { return _mm512_fmadd_ps(a, b, c); }
TRIVET_INLINE Floats fms(Floats a, Floats b, Floats c) { return _mm512_fmsub_ps(a, b, c); }
TRIVET_INLINE Floats fnma(Floats a, Floats b, Floats c) { return _mm512_fnmadd_ps(a, b, c); }
TRIVET_INLINE Floats abs_f(Floats a) { return _mm512_abs_ps(a); }
TRIVET_INLINE Floats select_less(Floats a, Floats b, Floats yes, Floats no) {
  return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(a, b, _CMP_LT_OQ), no, yes);
}
TRIVET_INLINE float sum_lanes(Floats v) {
  __m256 a = _mm256_add_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps(v, 1));
  __m128 b = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
  b = _mm_add_ps(b, _mm_movehl_ps(b, b));
  return _mm_cvtss_f32(_mm_add_ss(b, _mm_movehdup_ps(b)));
}
// out[j] = sum of the lanes of v[j]
TRIVET_INLINE void sum_lanes_4(const Floats (&v)[4], float* out) {
  const Floats ab = add(_mm512_unpacklo_ps(v[0], v[1]), _mm512_unpackhi_ps(v[0], v[1]));
  const Floats cd = add(_mm512_unpacklo_ps(v[2], v[3]), _mm512_unpackhi_ps(v[2], v[3]));
  const __m512d x = _mm512_castps_pd(ab), y = _mm512_castps_pd(cd);
  const Floats all =
      add(_mm512_castpd_ps(_mm512_unpacklo_pd(x, y)), _mm512_castpd_ps(_mm512_unpackhi_pd(x, y)));
  const __m256 half = _mm256_add_ps(_mm512_castps512_ps256(all), _mm512_extractf32x8_ps(all, 1));
  _mm_storeu_ps(out, _mm_add_ps(_mm256_castps256_ps128(half), _mm256_extractf128_ps(half, 1)));
}
TRIVET_INLINE float max_lanes(Floats v) { return _mm512_reduce_max_ps(v); }

// out[j] = largest lane of v[j]
TRIVET_INLINE void max_lanes_4(const Floats (&v)[4], float* out) {
  const Floats ab = max_f(_mm512_unpacklo_ps(v[0], v[1]), _mm512_unpackhi_ps(v[0], v[1]));
  const Floats cd = max_f(_mm512_unpacklo_ps(v[2], v[3]), _mm512_unpackhi_ps(v[2], v[3]));
  const __m512d x = _mm512_castps_pd(ab), y = _mm512_castps_pd(cd);
  const Floats all =
      max_f(_mm512_castpd_ps(_mm512_unpacklo_pd(x, y)), _mm512_castpd_ps(_mm512_unpackhi_pd(x, y)));
  const __m256 half = _mm256_max_ps(_mm512_castps512_ps256(all), _mm512_extractf32x8_ps(all, 1));
  _mm_storeu_ps(out, _mm_max_ps(_mm256_castps256_ps128(half), _mm256_extractf128_ps(half, 1)));
}

TRIVET_INLINE Ints load_i(const void* p) { return _mm512_loadu_si512(p); }
TRIVET_INLINE void store_i(void* p, Ints v) { _mm512_storeu_si512(p, v); }
// The same value, which the compiler takes for a new one.
TRIVET_INLINE Ints opaque(Ints v) {
  asm volatile("" : "+v"(v));
  return v;
}
TRIVET_INLINE Ints zero_i() { return _mm512_setzero_si512(); }
TRIVET_INLINE Ints set_i(int32_t x) { return _mm512_set1_epi32(x); }
TRIVET_INLINE Ints add_i(Ints a, Ints b) { return _mm512_add_epi32(a, b); }
TRIVET_INLINE Ints mul_i(Ints a, Ints b) { return _mm512_mullo_epi32(a, b); }
TRIVET_INLINE Ints and_i(Ints a, Ints b) { return _mm512_and_si512(a, b); }
TRIVET_INLINE Ints xor_i(Ints a, Ints b) { return _mm512_xor_si512(a, b); }
template <int n>
TRIVET_INLINE Ints shl16(Ints a) {
  return _mm512_slli_epi16(a, n);
}
template <int n>
TRIVET_INLINE Ints shr16(Ints a) {
  return _mm512_srli_epi16(a, n);
}
template <int n>
TRIVET_INLINE Ints shl32(Ints a) {
  return _mm512_slli_epi32(a, n);
}
template <int n>
TRIVET_INLINE Ints shr32(Ints a) {
  return _mm512_srli_epi32(a, n);
}
template <int n>
TRIVET_INLINE Ints sar32(Ints a) {
  return _mm512_srai_epi32(a, n);
}
// (plane & mask) | low
TRIVET_INLINE Ints merge_bits(Ints plane, Ints mask, Ints low) {
  return _mm512_ternarylogic_epi32(plane, mask, low, 0xEA);
}
// A 4-byte value in every lane. Written as an instruction so that the compiler keeps it in a
// register and does not fold one load into each of its uses.
TRIVET_INLINE Ints broadcast(const int32_t* p) {
  Ints r;
  asm("vpbroadcastd %1, %0" : "=v"(r) : "m"(*p));
  return r;
}
// c + sum over 4 of unsigned byte of w * signed byte of a, per lane.
TRIVET_INLINE Ints dot_u8(Ints c, Ints w, Ints a) {
  asm("vpdpbusd %2, %1, %0" : "+v"(c) : "v"(w), "v"(a));
  return c;
}
// The same for 8-bit weights stored as value + 128 (see kOffsetInDotQ8).
TRIVET_INLINE Ints dot_q8(Ints c, Ints w, Ints a) { return dot_u8(c, w, a); }
// c + sum over 2 of signed 16-bit products, per lane.
TRIVET_INLINE Ints dot_i16(Ints c, Ints w, Ints a) {
  asm("vpdpwssd %2, %1, %0" : "+v"(c) : "v"(w), "v"(a));
  return c;
}
// Both 16-bit halves of a lane times 2^w.
constexpr int32_t code_of_weight(int w) { return w; }
TRIVET_INLINE Ints scale_by_code(Ints halves, Ints codes) {
  return _mm512_sllv_epi16(halves, codes);
}
TRIVET_INLINE Ints widen_u8(const uint8_t* p) {  // 32 bytes to 32 values of 16 bits
  return _mm512_cvtepu8_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
}
TRIVET_INLINE Ints widen_s8(const uint8_t* p) {
  return _mm512_cvtepi8_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
}

TRIVET_INLINE Floats round_f(Floats x) {  // nearest, ties to even
  return _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
// p 2^n for whole n <= 1 and p in [0.7, 1.5]; 0 where n is below -200.
TRIVET_INLINE Floats times_power(Floats p, Floats n) { return _mm512_scalef_ps(p, n); }

TRIVET_INLINE Floats to_float(Ints v) { return _mm512_cvtepi32_ps(v); }
TRIVET_INLINE Ints to_int(Floats v) { return _mm512_cvtps_epi32(v); }  // nearest, ties to even
TRIVET_INLINE Floats bits_to_float(Ints v) { return _mm512_castsi512_ps(v); }
TRIVET_INLINE Ints float_to_bits(Floats v) { return _mm512_castps_si512(v); }
TRIVET_INLINE int32_t sum_lanes_i(Ints v) { return _mm512_reduce_add_epi32(v); }
// out[j] = sum of the lanes of v[j]
TRIVET_INLINE void sum_lanes_4(const Ints (&v)[4], int32_t* out) {
  const Ints ab = add_i(_mm512_unpacklo_epi32(v[0], v[1]), _mm512_unpackhi_epi32(v[0], v[1]));
  const Ints cd = add_i(_mm512_unpacklo_epi32(v[2], v[3]), _mm512_unpackhi_epi32(v[2], v[3]));
  const Ints all = add_i(_mm512_unpacklo_epi64(ab, cd), _mm512_unpackhi_epi64(ab, cd));
  const __m256i half =
      _mm256_add_epi32(_mm512_castsi512_si256(all), _mm512_extracti64x4_epi64(all, 1));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(out),
                   _mm_add_epi32(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1)));
}
TRIVET_INLINE void store_bytes(int8_t* p, Ints v) {  // lanes in [-128, 127]
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm512_cvtepi32_epi8(v));
}

TRIVET_INLINE Floats load_half(const uint16_t* p) {
  return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
}
TRIVET_INLINE void store_half(uint16_t* p, Floats v) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p),
                      _mm512_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}

// even[i], odd[i] = p[2 i], p[2 i + 1]
TRIVET_INLINE void load_pairs(const float* p, Floats& even, Floats& odd) {
  const Floats a = load_f(p), b = load_f(p + 16);
  const Ints e = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
  even = _mm512_permutex2var_ps(a, e, b);
  odd = _mm512_permutex2var_ps(a, add_i(e, set_i(1)), b);
}
TRIVET_INLINE void store_pairs(float* p, Floats even, Floats odd) {
  const Ints lo = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
  store_f(p, _mm512_permutex2var_ps(even, lo, odd));
  store_f(p + 16, _mm512_permutex2var_ps(even, add_i(lo, set_i(8)), odd));
}
