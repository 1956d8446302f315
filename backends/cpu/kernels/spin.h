// Register-only loops that measure what the machine can do at this level: independent chains.

double spin_int8(int64_t iterations) {
  const Ints w = opaque(set_i(0x01020304)), a = opaque(set_i(0x01FF01FF));
  Ints c[kSpinChains];
  TRIVET_UNROLL for (int j = 0; j < kSpinChains; ++j) c[j] = opaque(set_i(j));
  for (int64_t i = 0; i < iterations; ++i) {
    TRIVET_UNROLL for (int j = 0; j < kSpinChains; ++j) {
      c[j] = dot_u8(c[j], kDotIsTransparent ? opaque(w) : w, a);
    }
  }
  TRIVET_UNROLL for (int j = 0; j < kSpinChains; ++j) opaque(c[j]);
  return static_cast<double>(iterations) * kSpinChains * 128;
}

double spin_f32(int64_t iterations) {
  const Floats m = bits_to_float(opaque(float_to_bits(set_f(0.999f))));
  const Floats b = bits_to_float(opaque(float_to_bits(set_f(1e-3f))));
  Floats c[kSpinChains];
  TRIVET_UNROLL for (int j = 0; j < kSpinChains; ++j) c[j] = to_float(opaque(set_i(j)));
  for (int64_t i = 0; i < iterations; ++i) {
    TRIVET_UNROLL for (int j = 0; j < kSpinChains; ++j) c[j] = fma(c[j], m, b);
  }
  TRIVET_UNROLL for (int j = 0; j < kSpinChains; ++j) opaque(float_to_bits(c[j]));
  return static_cast<double>(iterations) * kSpinChains * 32;
}
