// Cache of bfloat16. K group [head_dim / 2][16 positions][2], V group [head_dim / 16][8 pairs of
// positions][16][2]: with TRIVET_BF16_DOT one instruction multiplies a pair, and queries and
// weights are rounded to bfloat16 too; without, they stay float32.

// The bits of bfloat16 in the low half of each lane; nearest, ties to even, finite always.
TRIVET_INLINE Ints round_bf16(Floats x) {
  const Floats largest = bits_to_float(set_i(0x7F7F0000));
  const Ints b = float_to_bits(min_f(max_f(x, sub(set_f(0.0f), largest)), largest));
  return shr32<16>(add_i(add_i(b, set_i(0x7FFF)), and_i(shr32<16>(b), set_i(1))));
}

#ifdef TRIVET_BF16_DOT
constexpr int kPairWords = 1;
using PairVector = Ints;
TRIVET_INLINE PairVector load_pair_vector(const uint8_t* p) { return load_i(p); }
TRIVET_INLINE PairVector first_of_pairs(PairVector x) { return and_i(x, set_i(0xFFFF)); }
template <int Vectors>
TRIVET_INLINE void dot_pairs(Floats (&acc)[Vectors], const PairVector (&x)[Vectors],
                             const int32_t* pair) {
  const Ints w = broadcast(pair);
  TRIVET_UNROLL for (int v = 0; v < Vectors;
                     ++v) asm("vdpbf16ps %2, %1, %0" : "+v"(acc[v]) : "v"(x[v]), "v"(w));
}
#else
constexpr int kPairWords = 2;
struct PairVector {
  Floats first, second;
};
TRIVET_INLINE PairVector load_pair_vector(const uint8_t* p) {
  const Ints x = load_i(p);
  return {bits_to_float(shl32<16>(x)),
          bits_to_float(and_i(x, set_i(static_cast<int>(0xFFFF0000u))))};
}
TRIVET_INLINE PairVector first_of_pairs(PairVector x) { return {x.first, set_f(0.0f)}; }
template <int Vectors>
TRIVET_INLINE void dot_pairs(Floats (&acc)[Vectors], const PairVector (&x)[Vectors],
                             const int32_t* pair) {
  const Floats a = bits_to_float(broadcast(pair)), b = bits_to_float(broadcast(pair + 1));
  TRIVET_UNROLL for (int v = 0; v < Vectors; ++v) acc[v] =
      fma(b, x[v].second, fma(a, x[v].first, acc[v]));
}
#endif

struct Bf16Cache {
  static constexpr int kExpDegree = kPairWords == 1 ? 3 : 5;  // weights are rounded to 2^-9
  static int64_t group_bytes(int head_dim) { return kv_group_bytes(kKvBf16, head_dim); }

  static void store(uint8_t* key_group, uint8_t* value_group, int slot, int head_dim,
                    const float* key, const float* value) {
    uint16_t* keys = reinterpret_cast<uint16_t*>(key_group) + 2 * slot;
    uint16_t* values = reinterpret_cast<uint16_t*>(value_group) + slot / 2 * 32 + slot % 2;
    for (int d = 0; d < head_dim; d += 16) {
      alignas(64) int32_t k[16], v[16];
      store_i(k, round_bf16(load_f(key + d)));
      store_i(v, round_bf16(load_f(value + d)));
      // Element by element: another thread may write the other half of a pair.
      for (int i = 0; i < 16; ++i) {
        keys[32 * ((d + i) / 2) + i % 2] = static_cast<uint16_t>(k[i]);
        values[16 * d + 2 * i] = static_cast<uint16_t>(v[i]);
      }
    }
  }

  // [head_dim / 2][rows] pairs
  static void pack(const float* const* rows, int n, int head_dim, int32_t* out) {
    for (int r = 0; r < n; ++r) {
      for (int d = 0; d < head_dim; d += 16) {
#ifdef TRIVET_BF16_DOT
        alignas(32) int32_t pairs[8];
        __m256i rounded;
        asm("vcvtneps2bf16 %1, %0" : "=v"(rounded) : "v"(load_f(rows[r] + d)));
        _mm256_store_si256(reinterpret_cast<__m256i*>(pairs), rounded);
        TRIVET_UNROLL for (int i = 0; i < 8; ++i) out[(d / 2 + i) * n + r] = pairs[i];
#else
        for (int i = 0; i < 16; ++i)
          memcpy(out + ((d + i) / 2 * n + r) * 2 + i % 2, rows[r] + d + i, sizeof(float));
#endif
      }
    }
  }

  static void row_scales(const int32_t*, int rows, int, float scale, float* scales) {
    for (int r = 0; r < rows; ++r) scales[r] = scale;
  }

  struct ValueScales {};
  static ValueScales value_scales(const TileView&, int) { return {}; }
  static TRIVET_INLINE void take_weights(const Floats (&w)[4], const ValueScales&, int row,
                                         TileScratch& tile) {
#ifdef TRIVET_BF16_DOT
    TRIVET_UNROLL for (int h = 0; h < 2; ++h) {
      Ints pairs;
      asm("vcvtne2ps2bf16 %1, %2, %0" : "=v"(pairs) : "v"(w[2 * h]), "v"(w[2 * h + 1]));
      store_i(tile.packed + 32 * row + 16 * h, pairs);
    }
#else
    TRIVET_UNROLL for (int g = 0; g < 4; ++g)
        store_f(reinterpret_cast<float*>(tile.packed) + 64 * row + 16 * g, w[g]);
#endif
  }

  template <int Rows, int Vectors>
  static TRIVET_INLINE void score_groups(const void* queries, const TileView& view,
                                         const TileView& next, int first, int head_dim,
                                         float* scores) {
    const int32_t* q = static_cast<const int32_t*>(queries);
    Floats s[Rows][Vectors];
    TRIVET_UNROLL for (int r = 0; r < Rows; ++r) {
      TRIVET_UNROLL for (int g = 0; g < Vectors; ++g) s[r][g] = set_f(0.0f);
    }
    for (int d = 0; d < head_dim / 2; ++d) {
      PairVector k[Vectors];
      TRIVET_UNROLL for (int g = 0; g < Vectors; ++g) {
        prefetch_line(next.keys[first + g], int64_t{64} * d);
        k[g] = load_pair_vector(view.keys[first + g] + int64_t{64} * d);
      }
      TRIVET_UNROLL for (int r = 0; r < Rows; ++r)
          dot_pairs<Vectors>(s[r], k, q + kPairWords * (d * Rows + r));
    }
    store_scores(s, first, scores);
  }

  template <int Rows, int Vectors>
  static TRIVET_INLINE void add_slices(const TileScratch& tile, int row0, const TileView& view,
                                       const TileView& next, const TileRows& rows, int slice,
                                       int head_dim, float* values) {
    Floats acc[Rows][Vectors];
    TRIVET_UNROLL for (int r = 0; r < Rows; ++r) {
      TRIVET_UNROLL for (int v = 0; v < Vectors; ++v) {
        acc[r][v] =
            mul(load_f(values + r * head_dim + 16 * (slice + v)), set_f(tile.correction[row0 + r]));
      }
    }
    for (int g = rows.begin / 16; 16 * g < rows.end; ++g) {
      if (!view.values[g]) continue;
      const int seen = rows.end - 16 * g < 16 ? rows.end - 16 * g : 16;
      const uint8_t* group = view.values[g] + 512 * slice;
      const int32_t* w = tile.packed + kPairWords * (32 * row0 + 8 * g);
      for (int t = 0; t < seen / 2; ++t) {
        PairVector x[Vectors];
        TRIVET_UNROLL for (int v = 0; v < Vectors; ++v) {
          prefetch_line(next.values[g], 512 * (slice + v) + 64 * t);
          x[v] = load_pair_vector(group + 512 * v + 64 * t);
        }
        TRIVET_UNROLL for (int r = 0; r < Rows; ++r)
            dot_pairs<Vectors>(acc[r], x, w + kPairWords * (32 * r + t));
      }
      if (seen % 2 == 0) continue;
      // The second position of the pair is beyond the sequence: whatever lies there is left out.
      const int t = seen / 2;
      PairVector x[Vectors];
      TRIVET_UNROLL for (int v = 0; v < Vectors; ++v) x[v] =
          first_of_pairs(load_pair_vector(group + 512 * v + 64 * t));
      TRIVET_UNROLL for (int r = 0; r < Rows; ++r)
          dot_pairs<Vectors>(acc[r], x, w + kPairWords * (32 * r + t));
    }
    TRIVET_UNROLL for (int r = 0; r < Rows; ++r) {
      TRIVET_UNROLL for (int v = 0; v < Vectors; ++v)
          store_f(values + r * head_dim + 16 * (slice + v), add(acc[r][v], set_f(0.0f)));
    }
  }
};
