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

TRIVET_INLINE float largest_of_32(const float* x) {
  Floats m = set_f(0.0f);
  for (int i = 0; i < 32; i += 16) m = max_f(m, abs_f(load_f(x + i)));
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
  const float largest = largest_of_32(x);
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

// A group of 32 columns: bytes, and the sums of its halves of 16.
struct QuantizedGroup {
  IntSums halves[2];
  int weight;  // value = byte * 2^weight * scale of the unit

  TRIVET_INLINE int32_t sum() const { return halves[0].sum + halves[1].sum; }
  // Largest |sum of some of the bytes|: of the positive or of the negative ones.
  TRIVET_INLINE int32_t larger_part() const {
    const int32_t all = sum();
    return (halves[0].magnitude + halves[1].magnitude + (all < 0 ? -all : all)) / 2;
  }
  TRIVET_INLINE int32_t larger_half() const {
    return halves[0].magnitude > halves[1].magnitude ? halves[0].magnitude : halves[1].magnitude;
  }
};

// The largest |dot| of a group of 16 (Q6_K) or 32 columns is a sum of bytes times the largest
// weight; up to these the dots fit 16 bits.
constexpr int32_t kMostPartQ4 = 32767 / 15, kMostPartQ5 = 32767 / 31, kMostHalfQ6 = 32767 / 32;

TRIVET_INLINE void quantize_half(const float* x, Floats inverse, int8_t* bytes, Ints& q,
                                 Ints& magnitude) {
  const Floats scaled = mul(load_f(x), inverse);
  q = to_int(scaled);
  magnitude = to_int(abs_f(scaled));
  store_bytes(bytes, q);
}

TRIVET_INLINE void quantize_group(const float* x, float inverse, int8_t* bytes,
                                  QuantizedGroup& group) {
  const Floats factor = set_f(inverse * static_cast<float>(1 << (kMostWeight256 - group.weight)));
  Ints v[4];
  quantize_half(x, factor, bytes, v[0], v[1]);
  quantize_half(x + 16, factor, bytes + 16, v[2], v[3]);
  alignas(64) int32_t sums[4];
  sum_lanes_4(v, sums);
  group.halves[0] = {sums[0], sums[1]};
  group.halves[1] = {sums[2], sums[3]};
}

// Quantises 256 columns with a scale of the largest value's, and every group of 32 as much finer,
// in powers of two, as its own largest value allows, unless its dots then need more than 16 bits.
// Returns the unit's largest magnitude.
TRIVET_INLINE float quantize_256(const float* x, int8_t* bytes, QuantizedGroup (&groups)[8]) {
  alignas(64) float of_groups[8];
  for (int half = 0; half < 2; ++half) {
    Floats most[4];
    TRIVET_UNROLL for (int j = 0; j < 4; ++j) {
      const float* group = x + 128 * half + 32 * j;
      most[j] = max_f(abs_f(load_f(group)), abs_f(load_f(group + 16)));
    }
    max_lanes_4(most, of_groups + 4 * half);
  }
  float largest = 0;
  for (float of_group : of_groups) largest = of_group > largest ? of_group : largest;
  const float inverse = inverse_scale(largest);
  for (int g = 0; g < 8; ++g) {
    const float most = of_groups[g];
    groups[g].weight =
        kMostWeight256 - (2 * most <= largest) - (4 * most <= largest) - (8 * most <= largest);
    quantize_group(x + 32 * g, inverse, bytes + 32 * g, groups[g]);
    while (groups[g].weight < kMostWeight256 &&
           (groups[g].larger_part() > kMostPartQ5 || groups[g].larger_half() > kMostHalfQ6)) {
      ++groups[g].weight;
      quantize_group(x + 32 * g, inverse, bytes + 32 * g, groups[g]);
    }
  }
  return largest;
}

TRIVET_INLINE float scale_of_256(float largest) {
  return scale_of(largest) * (1.0f / (1 << kMostWeight256));
}

TRIVET_INLINE uint32_t narrow_formats(const QuantizedGroup (&groups)[8]) {
  int32_t most_half = 0, most_part = 0;
  for (const QuantizedGroup& group : groups) {
    most_half = group.larger_half() > most_half ? group.larger_half() : most_half;
    most_part = group.larger_part() > most_part ? group.larger_part() : most_part;
  }
  uint32_t formats = 0;
  if (most_part <= kMostPartQ4) formats |= 1u << static_cast<int>(PackedFormat::kQ4_K);
  if (most_part <= kMostPartQ5) formats |= 1u << static_cast<int>(PackedFormat::kQ5_K);
  if (most_half <= kMostHalfQ6) formats |= 1u << static_cast<int>(PackedFormat::kQ6_K);
  return formats;
}

TRIVET_INLINE int32_t two_halves(int32_t low, int32_t high) {
  return static_cast<int32_t>((static_cast<uint32_t>(low) & 0xFFFF) | static_cast<uint32_t>(high)
                                                                          << 16);
}

TRIVET_INLINE uint32_t quantize_unit_256(const float* x, int32_t* out, int stride) {
  alignas(64) int8_t bytes[256];
  QuantizedGroup groups[8];
  const float largest = quantize_256(x, bytes, groups);
  scatter_dwords(bytes, 64, out, stride);
  for (int p = 0; p < 4; ++p) {
    const QuantizedGroup &first = groups[2 * p], &second = groups[2 * p + 1];
    out[(kField256Sums + p) * stride] =
        two_halves(first.sum() * (1 << first.weight), second.sum() * (1 << second.weight));
    // As the scales lie: the second group's below.
    out[(kField256PairCodes + p) * stride] =
        two_halves(code_of_weight(second.weight), code_of_weight(first.weight));
  }
  for (int g = 0; g < 8; ++g) {
    const int32_t code = code_of_weight(groups[g].weight);
    out[(kField256Codes + g) * stride] = two_halves(code, code);
    out[(kField256Offsets + 2 * g) * stride] = -32 * groups[g].halves[0].sum;
    out[(kField256Offsets + 2 * g + 1) * stride] = -32 * groups[g].halves[1].sum;
  }
  out[kField256Scale * stride] = float_bits(scale_of_256(largest));
  return narrow_formats(groups);
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
  const int64_t chunk_units = chunk_units_of(kind, units);
  for (int64_t first = 0; first < units; first += chunk_units) {
    const int64_t rest = units - first;
    const int64_t in_chunk = rest < chunk_units ? rest : chunk_units;
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
    chunk += chunk_units * layout.unit_dwords * place.block_rows;
  }
  return narrow;
}

// The same scale and rounding as quantize_unit_32.
TRIVET_INLINE void remainder_32(const float* x, float* out) {
  const float largest = largest_of_32(x);
  const Floats inverse = set_f(inverse_scale(largest)), scale = set_f(-scale_of(largest));
  for (int i = 0; i < 32; i += 16) {
    const Floats value = load_f(x + i);
    store_f(out + i, fma(to_float(to_int(mul(value, inverse))), scale, value));
  }
}

TRIVET_INLINE void remainder_256(const float* x, float* out) {
  alignas(64) int8_t bytes[256];
  QuantizedGroup groups[8];
  const float scale = scale_of_256(quantize_256(x, bytes, groups));
  for (int i = 0; i < 256; ++i) {
    out[i] = x[i] - static_cast<float>(bytes[i] << groups[i / 32].weight) * scale;
  }
}

void quantization_remainder(ActivationKind kind, const float* x, int64_t columns, float* out) {
  if (kind == ActivationKind::kFloat) {  // nothing is lost
    for (int64_t i = 0; i < columns; ++i) out[i] = 0;
  } else if (kind == ActivationKind::kPer256) {
    for (int64_t i = 0; i < columns; i += 256) remainder_256(x + i, out + i);
  } else {
    for (int64_t i = 0; i < columns; i += 32) remainder_32(x + i, out + i);
  }
}
