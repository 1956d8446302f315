// Register-only loops that measure what the machine can do at this level: twelve independent
// chains.

TRIVET_INLINE Ints hide(Ints v) {
  asm volatile("" : "+m"(v));
  return v;
}

template <class Step, class Vector>
TRIVET_INLINE void spin_chains(Vector (&chain)[kSpinChains], int64_t iterations, Step step) {
  for (int64_t i = 0; i < iterations; ++i) {
    TRIVET_UNROLL for (int j = 0; j < kSpinChains; ++j) chain[j] = step(chain[j]);
  }
}

double spin_int8(int64_t iterations) {
  const Ints w = hide(set_i(0x01020304)), a = hide(set_i(0x01FF01FF));
  Ints c[kSpinChains];
  TRIVET_UNROLL for (int j = 0; j < kSpinChains; ++j) c[j] = hide(set_i(j));
  spin_chains(c, iterations, [&](Ints x) { return dot_u8(x, w, a); });
  TRIVET_UNROLL for (int j = 0; j < kSpinChains; ++j) hide(c[j]);
  return static_cast<double>(iterations) * kSpinChains * 128;
}

double spin_f32(int64_t iterations) {
  const Floats m = bits_to_float(hide(float_to_bits(set_f(0.999f))));
  const Floats b = bits_to_float(hide(float_to_bits(set_f(1e-3f))));
  Floats c[kSpinChains];
  TRIVET_UNROLL for (int j = 0; j < kSpinChains; ++j) c[j] =
      bits_to_float(hide(set_i(0x3F800000 + j)));
  spin_chains(c, iterations, [&](Floats x) { return fma(x, m, b); });
  TRIVET_UNROLL for (int j = 0; j < kSpinChains; ++j) hide(float_to_bits(c[j]));
  return static_cast<double>(iterations) * kSpinChains * 32;
}
