// What all cache types share: a tile of 64 positions, and from scores to weights.

struct TileView {
  const uint8_t* keys[4];  // groups of 16 positions; null where absent
  const uint8_t* values[4];
};

// Rows of one call, at most kAttentionRows, over one tile.
struct TileRows {
  int count;
  int begin, end;                                    // positions that any of them sees
  int begins[kAttentionRows], ends[kAttentionRows];  // in the tile; begin >= end: sees nothing
};

struct TileScratch {
  float scores[kAttentionTile * 8];    // [row][64], then weights
  int32_t packed[kAttentionTile * 8];  // weights as the type multiplies them
  float correction[16];                // by row: what was summed before is multiplied by it
  float scale[16];                     // by row: from scores to logits
  float weight_scale[16];              // by row
};
static_assert(sizeof(TileScratch) <= sizeof(float) * kAttendScratchFloats);
static_assert(kAttentionRows <= 8);

// Vectors per row that fit the registers beside `rows` rows.
constexpr int attention_vectors(int rows) {
  return kAttentionVectors > 1 && rows > 6 ? kAttentionVectors / 2 : kAttentionVectors;
}

// Into how many at a time `rows` rows are cut: as evenly as may be.
TRIVET_INLINE int even_rows(int rows) {
  const int pieces = (rows + kAttentionRows - 1) / kAttentionRows;
  return (rows + pieces - 1) / pieces;
}

TRIVET_INLINE TileView view_tile(const KvHead& kv, const int32_t* block_table, int64_t group_bytes,
                                 int tile_begin, int last) {
  TileView view;
  for (int g = 0; g < 4; ++g) {
    const int position = tile_begin + 16 * g;
    view.keys[g] = view.values[g] = nullptr;
    if (position > last) continue;
    const int block = block_table[position / kv.block_tokens];
    if (block < 0 || block >= kv.num_blocks) continue;
    view.keys[g] =
        kv.memory + block * kv.block_bytes + (position % kv.block_tokens) / 16 * group_bytes;
    view.values[g] = view.keys[g] + kv.value_offset;
  }
  return view;
}

// The tile after `view`, for prefetching: what is absent is replaced by what is already here.
TRIVET_INLINE TileView view_next(const KvHead& kv, const int32_t* block_table, int64_t group_bytes,
                                 const TileView& view, int tile_begin, int last) {
  TileView next = view_tile(kv, block_table, group_bytes, tile_begin + kAttentionTile, last);
  for (int g = 0; g < 4; ++g) {
    if (next.keys[g]) continue;
    next.keys[g] = view.keys[g] ? view.keys[g] : kv.memory;
    next.values[g] = view.keys[g] ? view.values[g] : kv.memory;
  }
  return next;
}

// While a tile is used, the next is requested from memory, line by line: keys with the scores,
// values with the values.
TRIVET_INLINE void prefetch_line(const uint8_t* group, int64_t bytes) {
  _mm_prefetch(reinterpret_cast<const char*>(group) + bytes, _MM_HINT_T1);
}

// Scores of the rows by a type's score_groups(), which does a number of 16-position groups at once.
template <class Type, int Rows>
void score_tile(const void* queries, const TileView& view, const TileView& next, int end,
                int head_dim, float* scores) {
  constexpr int kStep = attention_vectors(Rows);
  constexpr int kHalf = kStep > 2 ? 2 : kStep;
  auto whole = [&](int first, int n) {
    for (int g = first; g < first + n; ++g) {
      if (!view.keys[g]) return false;
    }
    return true;
  };
  int g = 0;
  while (16 * g < end) {
    if (g + kStep <= 4 && 16 * (g + kHalf) < end && whole(g, kStep)) {
      Type::template score_groups<Rows, kStep>(queries, view, next, g, head_dim, scores);
      g += kStep;
    } else if (g + kHalf <= 4 && whole(g, kHalf)) {
      Type::template score_groups<Rows, kHalf>(queries, view, next, g, head_dim, scores);
      g += kHalf;
    } else {
      if (view.keys[g]) {
        Type::template score_groups<Rows, 1>(queries, view, next, g, head_dim, scores);
      } else {
        for (int r = 0; r < Rows; ++r) store_f(scores + 64 * r + 16 * g, set_f(-__builtin_inff()));
      }
      ++g;
    }
  }
}

// values = values * correction + weights V, by a type's add_slice(), some columns at a time.
template <class Type, int Rows>
void add_values_tile(const TileScratch& tile, const TileView& view, const TileView& next,
                     const TileRows& rows, int head_dim, float* values) {
  constexpr int kStep = attention_vectors(Rows);
  const int slices = head_dim / 16;
  int s = 0;
  for (; s + kStep <= slices; s += kStep) {
    Type::template add_slices<Rows, kStep>(tile, view, next, rows, s, head_dim, values);
  }
  for (; s < slices; ++s)
    Type::template add_slices<Rows, 1>(tile, view, next, rows, s, head_dim, values);
}

constexpr float kLog2E = 1.44269504f;

// 2^x for x <= 0, about 2e-7; 0 below -126. 2^0 = 1 exactly. x = n + f, |f| <= 1/2; a minimax
// polynomial in f.
TRIVET_INLINE Floats exp2_f(Floats x) {
  const Floats lowest = set_f(-126.0f);
  const Floats y = max_f(x, lowest);
  const Ints n = to_int(y);
  const Floats f = sub(y, to_float(n));
  Floats p = set_f(1.326472731e-03f);
  p = fma(p, f, set_f(9.671512991e-03f));
  p = fma(p, f, set_f(5.550733581e-02f));
  p = fma(p, f, set_f(2.402224243e-01f));
  p = fma(p, f, set_f(6.931470037e-01f));
  p = fma(p, f, set_f(1.0f));
  const Floats power = bits_to_float(add_i(float_to_bits(p), shl32<23>(n)));
  return select_less(x, lowest, set_f(0.0f), power);
}

// Scores of one row become logits in units of log2, after the soft cap; -infinity where it does not
// see. Returns the largest.
TRIVET_INLINE float scale_row(float* scores, int begin, int end, float scale, float cap) {
  alignas(64) static const float kLanes[16] = {0, 1, 2,  3,  4,  5,  6,  7,
                                               8, 9, 10, 11, 12, 13, 14, 15};
  const float factor = kLog2E * (cap > 0 ? 1.0f : scale);
  Floats s[4];
  TRIVET_UNROLL for (int g = 0; g < 4; ++g) {
    Floats x = load_f(scores + 16 * g);
    if (cap > 0) x = mul(set_f(cap), tanh_f(div(mul(x, set_f(scale)), set_f(cap))));
    s[g] = mul(x, set_f(factor));
  }
  if (begin > 0 || end < 64) {
    const Floats lanes = load_f(kLanes), minus_infinity = set_f(-__builtin_inff());
    TRIVET_UNROLL for (int g = 0; g < 4; ++g) {
      const Floats at = add(lanes, set_f(static_cast<float>(16 * g)));
      s[g] = select_less(at, set_f(static_cast<float>(end)), s[g], minus_infinity);
      s[g] = select_less(at, set_f(static_cast<float>(begin)), minus_infinity, s[g]);
    }
  }
  TRIVET_UNROLL for (int g = 0; g < 4; ++g) store_f(scores + 16 * g, s[g]);
  return max_lanes(max_f(max_f(s[0], s[1]), max_f(s[2], s[3])));
}

// Scores become weights; maximum and sum of the rows follow.
TRIVET_INLINE void soften_rows(TileScratch& tile, const TileRows& rows, float cap, float* maximum,
                               float* sum) {
  alignas(64) float old[16], next[16], sums[16], new_sums[16];
  store_f(old, set_f(-__builtin_inff()));
  store_f(next, set_f(-__builtin_inff()));
  store_f(sums, set_f(0.0f));
  store_f(new_sums, set_f(0.0f));
  for (int r = 0; r < rows.count; ++r) {
    const float top =
        scale_row(tile.scores + 64 * r, rows.begins[r], rows.ends[r], tile.scale[r], cap);
    old[r] = maximum[r];
    sums[r] = sum[r];
    next[r] = maximum[r] = top > old[r] ? top : old[r];
  }
  const Floats minus_infinity = set_f(-__builtin_inff());
  const Floats base = select_less(minus_infinity, load_f(next), load_f(next), set_f(0.0f));
  const Floats correction = exp2_f(sub(load_f(old), base));
  store_f(tile.correction, correction);
  store_f(next, base);
  for (int r = 0; r < rows.count; ++r) {
    float* scores = tile.scores + 64 * r;
    Floats w[4];
    TRIVET_UNROLL for (int g = 0; g < 4; ++g) {
      w[g] = exp2_f(sub(load_f(scores + 16 * g), set_f(next[r])));
      store_f(scores + 16 * g, w[g]);
    }
    new_sums[r] = sum_lanes(add(add(w[0], w[1]), add(w[2], w[3])));
  }
  store_f(sums, fma(load_f(sums), correction, load_f(new_sums)));
  for (int r = 0; r < rows.count; ++r) sum[r] = sums[r];
}
