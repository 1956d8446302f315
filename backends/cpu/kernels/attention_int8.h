// Cache of bytes with a scale per position and head. K group [head_dim / 4][16 positions][4] of
// value + 128, V group [head_dim / 16][4 quads of positions][16][4] signed; 16 scales behind each.
// Queries and weights are 14-bit integers, multiplied in two parts of 7 bits: all sums are exact,
// so what is rounded is the cache, and nothing else that shows. Parts of 7 bits keep the products
// of AVX2 within 16 bits.

constexpr int kQuerySteps = 8191;    // of a query's largest value: parts lie in [-64, 64]
constexpr int kWeightSteps = 16383;  // of a row's largest weight in a tile: parts lie in [0, 127]

// Values of one head after a Hadamard rotation of each run of run() values, the largest power
// of two that divides head_dim: it multiplies q . k by run() and spreads a key's outliers, which a
// scale of the whole head cannot hold otherwise.
struct RotatedHead {
  alignas(64) float values[256];

  static int run(int head_dim) { return head_dim & -head_dim; }

  RotatedHead(const float* x, int head_dim) {
    alignas(64) float other[256];
    memcpy(values, x, sizeof(float) * static_cast<size_t>(head_dim));
    const int n = run(head_dim);
    for (int at = 0; at < head_dim; at += n) {
      float *from = values + at, *to = other + at;
      for (int length = 1; length < n; length *= 2) {
        step(from, to, n);
        float* swapped = from;
        from = to;
        to = swapped;
      }
      if (from != values + at) memcpy(values + at, from, sizeof(float) * static_cast<size_t>(n));
    }
  }

  // Sums of neighbours, then their differences: as often as n has bits, it is the whole transform.
  static TRIVET_INLINE void step(const float* from, float* to, int n) {
    if (n >= 32) {
      for (int i = 0; i < n / 2; i += 16) {
        Floats even, odd;
        load_pairs(from + 2 * i, even, odd);
        store_f(to + i, add(even, odd));
        store_f(to + n / 2 + i, sub(even, odd));
      }
      return;
    }
    for (int i = 0; i < n / 2; ++i) {
      to[i] = from[2 * i] + from[2 * i + 1];
      to[n / 2 + i] = from[2 * i] - from[2 * i + 1];
    }
  }
};

struct Int8Cache {
  static constexpr int kExpDegree = 4;  // weights are rounded to 2^-14
  static int64_t group_bytes(int head_dim) { return kv_group_bytes(kKvInt8, head_dim); }

  static TRIVET_INLINE float largest(const float* x, int n) {
    Floats top = set_f(0.0f);
    for (int d = 0; d < n; d += 16) top = max_f(abs_f(load_f(x + d)), top);
    const float value = max_lanes(top);
    return value < 3e38f ? value : 3e38f;
  }
  // steps / top, or 0 where top is as good as 0.
  static TRIVET_INLINE float steps_per(float steps, float top) {
    return top > 1e-12f ? steps / top : 0.0f;
  }
  static TRIVET_INLINE Ints to_steps(Floats x, float factor, float steps) {
    const Floats y = mul(x, set_f(factor));
    return to_int(min_f(max_f(y, set_f(-steps)), set_f(steps)));
  }

  static void store(uint8_t* key_group, uint8_t* value_group, int slot, int head_dim,
                    const float* key, const float* value) {
    const RotatedHead rotated(key, head_dim);
    const float key_top = largest(rotated.values, head_dim), value_top = largest(value, head_dim);
    const float key_factor = steps_per(127, key_top), value_factor = steps_per(127, value_top);
    uint8_t* values = value_group + slot / 4 * 64 + slot % 4;
    for (int d = 0; d < head_dim; d += 16) {
      alignas(64) int32_t k[16], v[16];
      store_i(k, to_steps(load_f(rotated.values + d), key_factor, 127));
      store_i(v, to_steps(load_f(value + d), value_factor, 127));
      for (int i = 0; i < 16; ++i) {
        key_group[16 * d + 64 * (i / 4) + 4 * slot + i % 4] = static_cast<uint8_t>(k[i] + 128);
        values[16 * d + 4 * i] = static_cast<uint8_t>(v[i]);
      }
    }
    const float key_scale = key_factor > 0 ? key_top / 127 : 0.0f;
    const float value_scale = value_factor > 0 ? value_top / 127 : 0.0f;
    memcpy(key_group + 16 * head_dim + 4 * slot, &key_scale, sizeof key_scale);
    memcpy(value_group + 16 * head_dim + 4 * slot, &value_scale, sizeof value_scale);
  }

  // High parts [head_dim / 4][rows] of 4 bytes, low parts likewise, -128 * sum of each row, scale
  // of each row.
  static void pack(const float* const* rows, int n, int head_dim, int32_t* out) {
    int8_t* high = reinterpret_cast<int8_t*>(out);
    int8_t* low = high + n * head_dim;
    int32_t* offsets = out + n * head_dim / 2;
    for (int r = 0; r < n; ++r) {
      const RotatedHead rotated(rows[r], head_dim);
      const float top = largest(rotated.values, head_dim);
      const float factor = steps_per(kQuerySteps, top);
      int32_t sum = 0;
      for (int d = 0; d < head_dim; d += 16) {
        alignas(64) int32_t q[16];
        store_i(q, to_steps(load_f(rotated.values + d), factor, kQuerySteps));
        for (int i = 0; i < 16; ++i) {
          const int32_t part = (q[i] + 64) >> 7;
          const int at = 4 * ((d + i) / 4 * n + r) + i % 4;
          high[at] = static_cast<int8_t>(part);
          low[at] = static_cast<int8_t>(q[i] - 128 * part);
          sum += q[i];
        }
      }
      offsets[r] = -128 * sum;
      const float length = static_cast<float>(RotatedHead::run(head_dim));
      // A query of zeros has scores of 0 whatever its scale, which must be positive.
      const float scale = factor > 0 ? top / (kQuerySteps * length) : 1.0f;
      memcpy(offsets + n + r, &scale, sizeof scale);
    }
  }

  static void row_scales(const int32_t* queries, int rows, int head_dim, float scale,
                         float* scales) {
    memcpy(scales, queries + rows * head_dim / 2 + rows, sizeof(float) * rows);
    for (int r = 0; r < rows; ++r) scales[r] *= scale;
  }

  struct ValueScales {
    Floats groups[4];
  };
  static TRIVET_INLINE ValueScales value_scales(const TileView& view, int head_dim) {
    ValueScales scales;
    TRIVET_UNROLL for (int g = 0; g < 4; ++g) {
      scales.groups[g] =
          view.values[g]
              ? load_f(reinterpret_cast<const float*>(view.values[g] + int64_t{16} * head_dim))
              : set_f(0.0f);
    }
    return scales;
  }
  // Weights times the scales of their values, as integers of 14 bits: 64 high parts and 64 low
  // parts a row. A scale may be rubbish where the weight is 0.
  static TRIVET_INLINE void take_weights(const Floats (&w)[4], const ValueScales& scales, int row,
                                         TileScratch& tile) {
    const Floats zero = set_f(0.0f);
    Floats x[4];
    TRIVET_UNROLL for (int g = 0; g < 4; ++g) x[g] =
        select_less(zero, w[g], mul(w[g], scales.groups[g]), zero);
    const float top = max_lanes(max_f(max_f(x[0], x[1]), max_f(x[2], x[3])));
    const float factor = steps_per(kWeightSteps, top);
    tile.weight_scale[row] = factor > 0 ? top / kWeightSteps : 0.0f;
    int8_t* high = reinterpret_cast<int8_t*>(tile.packed + 32 * row);
    int8_t* low = high + 64;
    TRIVET_UNROLL for (int g = 0; g < 4; ++g) {
      const Ints steps = to_int(mul(x[g], set_f(factor)));
      store_bytes(high + 16 * g, shr32<7>(steps));
      store_bytes(low + 16 * g, and_i(steps, set_i(127)));
    }
  }

  template <int Rows, int Vectors>
  static TRIVET_INLINE void score_groups(const void* queries, const TileView& view,
                                         const TileView& next, int first, int head_dim,
                                         float* scores) {
    const int32_t* q = static_cast<const int32_t*>(queries);
    const int steps = head_dim / 4;
    Ints s[Rows][Vectors];
    TRIVET_UNROLL for (int r = 0; r < Rows; ++r) {
      TRIVET_UNROLL for (int g = 0; g < Vectors; ++g) s[r][g] = zero_i();
    }
    for (int part = 0; part < 2; ++part, q += Rows * steps) {
      TRIVET_UNROLL for (int r = 0; r < Rows; ++r) {
        TRIVET_UNROLL for (int g = 0; g < Vectors; ++g) s[r][g] = shl32<7>(s[r][g]);
      }
      for (int d = 0; d < steps; ++d) {
        Ints k[Vectors];
        TRIVET_UNROLL for (int g = 0; g < Vectors; ++g) {
          if (part == 0) prefetch_line(next.keys[first + g], int64_t{64} * d);
          k[g] = load_i(view.keys[first + g] + int64_t{64} * d);
        }
        TRIVET_UNROLL for (int r = 0; r < Rows; ++r) {
          const Ints x = broadcast(q + d * Rows + r);
          TRIVET_UNROLL for (int g = 0; g < Vectors; ++g) s[r][g] = dot_u8(s[r][g], k[g], x);
        }
      }
    }
    Floats scales[Vectors];
    TRIVET_UNROLL for (int g = 0; g < Vectors; ++g) {
      prefetch_line(next.keys[first + g], int64_t{16} * head_dim);
      scales[g] =
          load_f(reinterpret_cast<const float*>(view.keys[first + g] + int64_t{16} * head_dim));
    }
    TRIVET_UNROLL for (int r = 0; r < Rows; ++r) {
      TRIVET_UNROLL for (int g = 0; g < Vectors; ++g) {
        const Floats x = to_float(add_i(s[r][g], set_i(q[r])));
        store_f(scores + 64 * r + 16 * (first + g), mul(x, scales[g]));
      }
    }
  }

  template <int Rows, int Vectors>
  static TRIVET_INLINE void add_slices(const TileScratch& tile, int row0, const TileView& view,
                                       const TileView& next, const TileRows& rows, int slice,
                                       int head_dim, float* values) {
    const int32_t* w = tile.packed + 32 * row0;
    Ints acc[Rows][Vectors];
    TRIVET_UNROLL for (int r = 0; r < Rows; ++r) {
      TRIVET_UNROLL for (int v = 0; v < Vectors; ++v) acc[r][v] = zero_i();
    }
    for (int part = 0; part < 2; ++part, w += 16) {
      TRIVET_UNROLL for (int r = 0; r < Rows; ++r) {
        TRIVET_UNROLL for (int v = 0; v < Vectors; ++v) acc[r][v] = shl32<7>(acc[r][v]);
      }
      for (int t = rows.begin / 4; 4 * t < rows.end; ++t) {
        const uint8_t* group = view.values[t / 4];
        if (!group) continue;
        const int64_t at = 256 * slice + 64 * (t % 4);
        Ints x[Vectors];
        TRIVET_UNROLL for (int v = 0; v < Vectors; ++v) {
          if (part == 0) prefetch_line(next.values[t / 4], at + 256 * v);
          x[v] = load_i(group + at + 256 * v);
        }
        TRIVET_UNROLL for (int r = 0; r < Rows; ++r) {
          const Ints y = broadcast(w + 32 * r + t);
          TRIVET_UNROLL for (int v = 0; v < Vectors; ++v) acc[r][v] = dot_u8(acc[r][v], y, x[v]);
        }
      }
    }
    TRIVET_UNROLL for (int r = 0; r < Rows; ++r) {
      const Floats correction = set_f(tile.correction[row0 + r]),
                   scale = set_f(tile.weight_scale[row0 + r]);
      TRIVET_UNROLL for (int v = 0; v < Vectors; ++v) {
        float* at = values + r * head_dim + 16 * (slice + v);
        const Floats kept = mul(load_f(at), correction);
        store_f(at, add(fma(to_float(acc[r][v]), scale, kept), set_f(0.0f)));
      }
    }
  }
};
