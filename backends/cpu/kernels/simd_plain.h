// What levels without an instruction of its own for it have in common.

TRIVET_INLINE Floats round_f(Floats x) { return to_float(to_int(x)); }
TRIVET_INLINE Floats times_power(Floats p, Floats n) {
  const Floats power = bits_to_float(add_i(float_to_bits(p), shl32<23>(to_int(n))));
  return select_less(n, set_f(-125.5f), set_f(0.0f), power);
}
TRIVET_INLINE void sum_lanes_4(const Floats (&v)[4], float* out) {
  for (int j = 0; j < 4; ++j) out[j] = sum_lanes(v[j]);
}
TRIVET_INLINE void sum_lanes_4(const Ints (&v)[4], int32_t* out) {
  for (int j = 0; j < 4; ++j) out[j] = sum_lanes_i(v[j]);
}
