// Operations on rows of floats: norms, rotations, elementwise functions, packing of activations.

// Whole and partial vectors of n values: body(offset, count) with count <= 16.
template <class Body>
TRIVET_INLINE void for_vectors(int64_t n, Body body) {
  int64_t i = 0;
  for (; i + 16 <= n; i += 16) body(i, 16);
  if (i < n) body(i, static_cast<int>(n - i));
}
TRIVET_INLINE Floats load_n(const float* p, int n) {
  return n == 16 ? load_f(p) : load_part_f(p, n);
}
TRIVET_INLINE void store_n(float* p, Floats v, int n) {
  if (n == 16) {
    store_f(p, v);
  } else {
    store_part_f(p, v, n);
  }
}

float sum_of_squares(const float* x, int64_t n) {
  Floats s[4] = {set_f(0), set_f(0), set_f(0), set_f(0)};
  int64_t i = 0;
  for (; i + 64 <= n; i += 64) {
    TRIVET_UNROLL for (int j = 0; j < 4; ++j) {
      const Floats v = load_f(x + i + 16 * j);
      s[j] = fma(v, v, s[j]);
    }
  }
  for_vectors(n - i, [&](int64_t k, int count) {
    const Floats v = load_n(x + i + k, count);
    s[0] = fma(v, v, s[0]);
  });
  return sum_lanes(add(add(s[0], s[1]), add(s[2], s[3])));
}

void rms_norm_row(const float* x, const float* weight, float eps, const float* residual, int64_t n,
                  float* out) {
  const float mean = sum_of_squares(x, n) / static_cast<float>(n);
  const Floats inverse = set_f(1.0f / __builtin_sqrtf(mean + eps));
  for_vectors(n, [&](int64_t i, int count) {
    Floats y = mul(mul(load_n(x + i, count), inverse), load_n(weight + i, count));
    if (residual) y = add(load_n(residual + i, count), y);
    store_n(out + i, y, count);
  });
}

TRIVET_INLINE void rotate(Floats& a, Floats& b, Floats c, Floats s) {
  const Floats x = fnma(b, s, mul(a, c));
  b = fma(a, s, mul(b, c));
  a = x;
}

void rope_head(float* head, const float* table, const RopeParams& params) {
  const int half = params.rotary_dim / 2;
  const float* sines = table + half;
  if (!params.interleaved) {
    for_vectors(half, [&](int64_t i, int count) {
      Floats a = load_n(head + i, count), b = load_n(head + half + i, count);
      rotate(a, b, load_n(table + i, count), load_n(sines + i, count));
      store_n(head + i, a, count);
      store_n(head + half + i, b, count);
    });
    return;
  }
  for_vectors(half, [&](int64_t i, int count) {
    Floats a, b;
    if (count == 16) {
      load_pairs(head + 2 * i, a, b);
      rotate(a, b, load_f(table + i), load_f(sines + i));
      store_pairs(head + 2 * i, a, b);
      return;
    }
    alignas(64) float pairs[32] = {};
    for (int j = 0; j < 2 * count; ++j) pairs[j] = head[2 * i + j];
    load_pairs(pairs, a, b);
    rotate(a, b, load_part_f(table + i, count), load_part_f(sines + i, count));
    store_pairs(pairs, a, b);
    for (int j = 0; j < 2 * count; ++j) head[2 * i + j] = pairs[j];
  });
}

TRIVET_INLINE Floats clamp_to_half(Floats v) {
  return min_f(max_f(v, set_f(-65504.0f)), set_f(65504.0f));
}

void store_kv_head(uint16_t* key_group, uint16_t* value_group, int slot, int head_dim,
                   const float* key, const float* value) {
  for (int d = 0; d < head_dim; d += 16) {
    alignas(64) uint16_t halves[16];
    store_half(halves, clamp_to_half(load_f(key + d)));
    for (int i = 0; i < 16; ++i) key_group[16 * (d + i) + slot] = halves[i];
    store_half(value_group + 16 * d + 16 * slot, clamp_to_half(load_f(value + d)));
  }
}

// ---------------------------------------------------------------- elementwise

void gated_values(uint32_t activation, const float* gate, const float* up, int64_t n, float* out) {
  for_vectors(n, [&](int64_t i, int count) {
    store_n(out + i, mul(activation_of(activation, load_n(gate + i, count)), load_n(up + i, count)),
            count);
  });
}

void finish_rows(const EpilogueParams& e) {
  for (int r = 0; r < e.rows; ++r) {
    float* out = e.out + r * e.stride;
    for_vectors(e.columns, [&](int64_t i, int count) {
      Floats y = load_f(e.c + 32 * r + i);
      if (e.bias) y = add(y, load_n(e.bias + i, count));
      y = activation_of(e.activation, y);
      if (e.up) {
        Floats u = load_f(e.up + 32 * r + i);
        if (e.up_bias) u = add(u, load_n(e.up_bias + i, count));
        y = mul(y, u);
      }
      if (e.residual) y = add(load_n(e.residual + r * e.stride + i, count), y);
      store_n(out + i, y, count);
    });
  }
}

void add_values(const float* a, const float* b, int64_t n, float* out) {
  for_vectors(n, [&](int64_t i, int count) {
    store_n(out + i, add(load_n(a + i, count), load_n(b + i, count)), count);
  });
}

void scale_values(const float* x, float factor, int64_t n, float* out) {
  const Floats f = set_f(factor);
  for_vectors(n,
              [&](int64_t i, int count) { store_n(out + i, mul(load_n(x + i, count), f), count); });
}

void softcap_values(const float* x, float cap, int64_t n, float* out) {
  const Floats c = set_f(cap);
  for_vectors(n, [&](int64_t i, int count) {
    store_n(out + i, mul(c, tanh_f(div(load_n(x + i, count), c))), count);
  });
}

// ---------------------------------------------------------------- packing of activations

TRIVET_INLINE int32_t float_bits(float x) {
  int32_t bits;
  memcpy(&bits, &x, 4);
  return bits;
}

TRIVET_INLINE float largest_magnitude(const float* x, int columns) {
  Floats m = set_f(0.0f);
  for (int i = 0; i < columns; i += 16) m = max_f(m, abs_f(load_f(x + i)));
  return max_lanes(m);
}

struct IntSums {
  int32_t sum;
  int32_t magnitude;  // of |q|
};

TRIVET_INLINE void scatter_dwords(const int8_t* bytes, int dwords, int32_t* out, int stride) {
  for (int i = 0; i < dwords; ++i) memcpy(out + i * stride, bytes + 4 * i, 4);
}

TRIVET_INLINE float inverse_scale(float largest) { return largest > 0 ? 127.0f / largest : 0.0f; }
TRIVET_INLINE float scale_of(float largest) { return largest * (1.0f / 127.0f); }

TRIVET_INLINE void finish_unit_32(const int8_t* bytes, float largest, int32_t sum, int32_t* out,
                                  int stride) {
  scatter_dwords(bytes, 8, out, stride);
  out[8 * stride] = -8 * sum;
  out[9 * stride] = -16 * sum;
  out[10 * stride] = -128 * sum;
  out[11 * stride] = float_bits(scale_of(largest));
  out[12 * stride] = float_bits(scale_of(largest) * static_cast<float>(sum));
}

TRIVET_INLINE void quantize_unit_32(const float* x, int32_t* out, int stride) {
  const float largest = largest_magnitude(x, 32);
  const Floats inverse = set_f(inverse_scale(largest));
  const Ints a = to_int(mul(load_f(x), inverse)), b = to_int(mul(load_f(x + 16), inverse));
  alignas(64) int8_t bytes[32];
  store_bytes(bytes, a);
  store_bytes(bytes + 16, b);
  finish_unit_32(bytes, largest, sum_lanes_i(add_i(a, b)), out, stride);
}

// Four units at once share their reductions: the same values, sooner.
TRIVET_INLINE void quantize_units_32(const float* x, int32_t* out, int stride, int unit_stride) {
  Floats most[4];
  TRIVET_UNROLL for (int j = 0; j < 4; ++j) {
    most[j] = max_f(abs_f(load_f(x + 32 * j)), abs_f(load_f(x + 32 * j + 16)));
  }
  alignas(64) float largest[4];
  alignas(64) int32_t sums[4];
  alignas(64) int8_t bytes[128];
  max_lanes_4(most, largest);
  Ints q[4];
  TRIVET_UNROLL for (int j = 0; j < 4; ++j) {
    const Floats inverse = set_f(inverse_scale(largest[j]));
    const Ints a = to_int(mul(load_f(x + 32 * j), inverse));
    const Ints b = to_int(mul(load_f(x + 32 * j + 16), inverse));
    store_bytes(bytes + 32 * j, a);
    store_bytes(bytes + 32 * j + 16, b);
    q[j] = add_i(a, b);
  }
  sum_lanes_4(q, sums);
  TRIVET_UNROLL for (int j = 0; j < 4; ++j) {
    finish_unit_32(bytes + 32 * j, largest[j], sums[j], out + j * unit_stride, stride);
  }
}

TRIVET_INLINE void quantize_64(const float* x, Floats inverse, int8_t* out, IntSums* sums) {
  Ints q[4], magnitude[4];
  alignas(64) int32_t sum[4], of_magnitudes[4];
  TRIVET_UNROLL for (int j = 0; j < 4; ++j) {
    const Floats scaled = mul(load_f(x + 16 * j), inverse);
    q[j] = to_int(scaled);
    magnitude[j] = to_int(abs_f(scaled));
    store_bytes(out + 16 * j, q[j]);
  }
  sum_lanes_4(q, sum);
  sum_lanes_4(magnitude, of_magnitudes);
  for (int j = 0; j < 4; ++j) sums[j] = {sum[j], of_magnitudes[j]};
}

// Largest |dot| of a group of 16 (Q6_K) or 32 columns is the magnitude of its positive or of its
// negative part times the largest weight.
TRIVET_INLINE uint32_t narrow_formats(const IntSums* sums) {
  int32_t most_16 = 0, most_32 = 0;
  for (int i = 0; i < 16; i += 2) {
    const int32_t a = sums[i].magnitude, b = sums[i + 1].magnitude;
    const int32_t sum = sums[i].sum + sums[i + 1].sum;
    const int32_t larger_part = (a + b + (sum < 0 ? -sum : sum)) / 2;
    most_16 = a > most_16 ? a : most_16;
    most_16 = b > most_16 ? b : most_16;
    most_32 = larger_part > most_32 ? larger_part : most_32;
  }
  uint32_t formats = 0;
  if (most_32 <= 32767 / 15) formats |= 1u << static_cast<int>(PackedFormat::kQ4_K);
  if (most_32 <= 32767 / 31) formats |= 1u << static_cast<int>(PackedFormat::kQ5_K);
  if (most_16 <= 32767 / 32) formats |= 1u << static_cast<int>(PackedFormat::kQ6_K);
  return formats;
}

TRIVET_INLINE uint32_t quantize_unit_256(const float* x, int32_t* out, int stride) {
  const float largest = largest_magnitude(x, 256);
  const Floats inverse = set_f(inverse_scale(largest));
  alignas(64) int8_t bytes[256];
  IntSums sums[16];
  for (int i = 0; i < 16; i += 4) quantize_64(x + 16 * i, inverse, bytes + 16 * i, sums + i);
  scatter_dwords(bytes, 64, out, stride);
  for (int g = 0; g < 4; ++g) {
    const IntSums* s = sums + 4 * g;
    const uint32_t first = static_cast<uint32_t>(s[0].sum + s[1].sum);
    const uint32_t second = static_cast<uint32_t>(s[2].sum + s[3].sum);
    out[(64 + g) * stride] = static_cast<int32_t>((first & 0xFFFF) | second << 16);
  }
  for (int i = 0; i < 16; ++i) out[(68 + i) * stride] = -32 * sums[i].sum;
  out[84 * stride] = float_bits(scale_of(largest));
  return narrow_formats(sums);
}

TRIVET_INLINE void copy_unit_float(const float* x, int columns, int32_t* out, int stride) {
  for (int i = 0; i < columns; ++i) out[i * stride] = float_bits(x[i]);
  for (int i = columns; i < 32; ++i) out[i * stride] = 0;
}

uint32_t quantize_activation_row(ActivationKind kind, const float* x, int64_t columns,
                                 const ActivationPlace& place) {
  const ActivationLayout layout = layout_of(kind);
  const int64_t units = ceil_div(columns, layout.unit_columns);
  const int stride = place.tile_rows;
  int32_t* chunk = place.base;
  uint32_t narrow = ~0u;
  for (int64_t first = 0; first < units; first += layout.chunk_units) {
    const int64_t rest = units - first;
    const int64_t in_chunk = rest < layout.chunk_units ? rest : layout.chunk_units;
    int32_t* out = chunk + place.rows_before * in_chunk * layout.unit_dwords + place.row;
    int64_t u = first;
    for (; kind == ActivationKind::kPer32 && u + 4 <= first + in_chunk; u += 4) {
      const int unit_stride = layout.unit_dwords * stride;
      quantize_units_32(x + 32 * u, out, stride, unit_stride);
      out += 4 * unit_stride;
    }
    for (; u < first + in_chunk; ++u) {
      const float* values = x + u * layout.unit_columns;
      if (kind == ActivationKind::kPer32) {
        quantize_unit_32(values, out, stride);
      } else if (kind == ActivationKind::kPer256) {
        narrow &= quantize_unit_256(values, out, stride);
      } else {
        const int64_t left = columns - 32 * u;
        copy_unit_float(values, left < 32 ? static_cast<int>(left) : 32, out, stride);
      }
      out += static_cast<int64_t>(layout.unit_dwords) * stride;
    }
    chunk += static_cast<int64_t>(layout.chunk_units) * layout.unit_dwords * place.block_rows;
  }
  return narrow;
}

// The same scale and rounding as quantize_unit_32 and _256.
TRIVET_INLINE void remainder_unit(const float* x, int columns, float* out) {
  const float largest = largest_magnitude(x, columns);
  const Floats inverse = set_f(inverse_scale(largest)), scale = set_f(-scale_of(largest));
  for (int i = 0; i < columns; i += 16) {
    const Floats value = load_f(x + i);
    store_f(out + i, fma(to_float(to_int(mul(value, inverse))), scale, value));
  }
}

void quantization_remainder(ActivationKind kind, const float* x, int64_t columns, float* out) {
  if (kind == ActivationKind::kFloat) {  // nothing is lost
    for (int64_t i = 0; i < columns; ++i) out[i] = 0;
    return;
  }
  const int unit = kind == ActivationKind::kPer256 ? 256 : 32;
  for (int64_t i = 0; i < columns; i += unit) remainder_unit(x + i, unit, out + i);
}
