// Cache of halves: float32 arithmetic. K group [head_dim][16 positions], V group
// [head_dim / 16][16 positions][16].

struct F16Cache {
  static constexpr int kExpDegree = 5;
  static int64_t group_bytes(int head_dim) { return kv_group_bytes(kKvF16, head_dim); }

  static const uint16_t* halves(const uint8_t* p) { return reinterpret_cast<const uint16_t*>(p); }

  static void store(uint8_t* key_group, uint8_t* value_group, int slot, int head_dim,
                    const float* key, const float* value) {
    uint16_t* keys = reinterpret_cast<uint16_t*>(key_group);
    uint16_t* values = reinterpret_cast<uint16_t*>(value_group);
    const Floats lowest = set_f(-65504.0f), highest = set_f(65504.0f);
    for (int d = 0; d < head_dim; d += 16) {
      alignas(64) uint16_t rounded[16];
      store_half(rounded, min_f(max_f(load_f(key + d), lowest), highest));
      for (int i = 0; i < 16; ++i) keys[16 * (d + i) + slot] = rounded[i];
      store_half(values + 16 * d + 16 * slot, min_f(max_f(load_f(value + d), lowest), highest));
    }
  }

  // [head_dim][rows]
  static void pack(const float* const* rows, int n, int head_dim, int32_t* out) {
    float* packed = reinterpret_cast<float*>(out);
    for (int r = 0; r < n; ++r) {
      for (int d = 0; d < head_dim; ++d) packed[d * n + r] = rows[r][d];
    }
  }

  static void row_scales(const int32_t*, int rows, int, float scale, float* scales) {
    for (int r = 0; r < rows; ++r) scales[r] = scale;
  }
  struct ValueScales {};
  static ValueScales value_scales(const TileView&, int) { return {}; }
  static TRIVET_INLINE void take_weights(const Floats (&w)[4], const ValueScales&, int row,
                                         TileScratch& tile) {
    TRIVET_UNROLL for (int g = 0; g < 4; ++g) store_f(tile.scores + 64 * row + 16 * g, w[g]);
  }

  template <int Rows, int Vectors>
  static TRIVET_INLINE void score_groups(const void* queries, const TileView& view,
                                         const TileView& next, int first, int head_dim,
                                         float* scores) {
    const float* q = static_cast<const float*>(queries);
    Floats s[Rows][Vectors];
    TRIVET_UNROLL for (int r = 0; r < Rows; ++r) {
      TRIVET_UNROLL for (int g = 0; g < Vectors; ++g) s[r][g] = set_f(0.0f);
    }
    for (int d = 0; d < head_dim; ++d) {
      Floats k[Vectors];
      TRIVET_UNROLL for (int g = 0; g < Vectors; ++g) {
        if (d % 2 == 0) prefetch_line(next.keys[first + g], int64_t{32} * d);
        k[g] = load_half(halves(view.keys[first + g]) + 16 * d);
      }
      TRIVET_UNROLL for (int r = 0; r < Rows; ++r) {
        const Floats x = set_f(q[d * Rows + r]);
        TRIVET_UNROLL for (int g = 0; g < Vectors; ++g) s[r][g] = fma(x, k[g], s[r][g]);
      }
    }
    store_scores(s, first, scores);
  }

  template <int Rows, int Vectors>
  static TRIVET_INLINE void add_slices(const TileScratch& tile, int row0, const TileView& view,
                                       const TileView& next, const TileRows& rows, int slice,
                                       int head_dim, float* values) {
    const Floats zero = set_f(0.0f);
    Floats acc[Rows][Vectors];
    TRIVET_UNROLL for (int r = 0; r < Rows; ++r) {
      TRIVET_UNROLL for (int v = 0; v < Vectors; ++v) {
        acc[r][v] = fma(load_f(values + r * head_dim + 16 * (slice + v)),
                        set_f(tile.correction[row0 + r]), zero);
      }
    }
    for (int t = rows.begin; t < rows.end; ++t) {
      const uint8_t* group = view.values[t / 16];
      if (!group) continue;
      const int64_t at = 512 * slice + 32 * (t % 16);
      Floats x[Vectors];
      TRIVET_UNROLL for (int v = 0; v < Vectors; ++v) {
        if (t % 2 == 0) prefetch_line(next.values[t / 16], at + 512 * v);
        x[v] = load_half(halves(group + at + 512 * v));
      }
      TRIVET_UNROLL for (int r = 0; r < Rows; ++r) {
        const Floats w = set_f(tile.scores[64 * (row0 + r) + t]);
        TRIVET_UNROLL for (int v = 0; v < Vectors; ++v) acc[r][v] = fma(w, x[v], acc[r][v]);
      }
    }
    TRIVET_UNROLL for (int r = 0; r < Rows; ++r) {
      TRIVET_UNROLL for (int v = 0; v < Vectors; ++v)
          store_f(values + r * head_dim + 16 * (slice + v), add(acc[r][v], zero));
    }
  }
};
