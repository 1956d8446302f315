// Elementary functions on sixteen lanes; the same code for every lane and every caller.

// e^x, about 1 ulp; 0 below -87, about 1.7e38 above 88. exp(0) = 1 and exp(-inf) = 0 exactly.
// x = n ln 2 + r, |r| <= ln 2 / 2; the polynomial is the minimax of Cephes' expf.
TRIVET_INLINE Floats exp_f(Floats x) {
  const Floats lowest = set_f(-87.0f);
  const Floats y = min_f(max_f(x, lowest), set_f(88.0f));
  const Ints n = to_int(mul(y, set_f(1.44269504f)));
  const Floats nf = to_float(n);
  Floats r = fnma(nf, set_f(0.693359375f), y);
  r = fnma(nf, set_f(-2.12194440e-4f), r);
  Floats p = set_f(1.9875691500e-4f);
  p = fma(p, r, set_f(1.3981999507e-3f));
  p = fma(p, r, set_f(8.3334519073e-3f));
  p = fma(p, r, set_f(4.1665795894e-2f));
  p = fma(p, r, set_f(1.6666665459e-1f));
  p = fma(p, r, set_f(5.0000001201e-1f));
  p = add(fma(p, mul(r, r), r), set_f(1.0f));
  const Floats power = bits_to_float(shl32<23>(add_i(n, set_i(127))));
  return select_less(x, lowest, set_f(0.0f), mul(p, power));
}

TRIVET_INLINE Floats copy_sign(Floats magnitude, Floats sign) {
  const Ints bit = and_i(float_to_bits(sign), set_i(static_cast<int>(0x80000000u)));
  return bits_to_float(xor_i(float_to_bits(magnitude), bit));
}

// tanh: an odd polynomial (Cephes' tanhf) below 0.625, 1 - 2 / (e^2|x| + 1) above.
TRIVET_INLINE Floats tanh_f(Floats x) {
  const Floats a = abs_f(x);
  const Floats z = mul(x, x);
  Floats p = set_f(-5.70498872745e-3f);
  p = fma(p, z, set_f(2.06390887954e-2f));
  p = fma(p, z, set_f(-5.37397155531e-2f));
  p = fma(p, z, set_f(1.33314422036e-1f));
  p = fma(p, z, set_f(-3.33332819422e-1f));
  const Floats small = fma(mul(p, z), x, x);
  const Floats e = exp_f(add(a, a));
  const Floats large = sub(set_f(1.0f), div(set_f(2.0f), add(e, set_f(1.0f))));
  return select_less(a, set_f(0.625f), small, copy_sign(large, x));
}

TRIVET_INLINE Floats silu(Floats x) { return div(x, add(set_f(1.0f), exp_f(sub(set_f(0.0f), x)))); }

// x (1 + tanh(u)) / 2 = x / (1 + e^-2u), u = sqrt(2 / pi) (x + 0.044715 x^3)
TRIVET_INLINE Floats gelu_tanh(Floats x) {
  const Floats inner = fma(mul(mul(x, x), x), set_f(0.044715f), x);
  return div(x, add(set_f(1.0f), exp_f(mul(inner, set_f(-1.5957691216f)))));
}

TRIVET_INLINE Floats activation_of(uint32_t activation, Floats x) {
  if (activation == TRIVET_ACT_SILU) return silu(x);
  if (activation == TRIVET_ACT_GELU_TANH) return gelu_tanh(x);
  return x;
}
