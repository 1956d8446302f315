// From scores to weights.

constexpr float kLog2E = 1.44269504f;

// 2^f for |f| <= 1/2 by a minimax polynomial with 2^0 = 1: relative error 1e-4, 3e-6, 9e-8.
template <int Degree>
TRIVET_INLINE Floats exp2_fraction(Floats f) {
  Floats p;
  if constexpr (Degree == 3) {
    p = set_f(5.500893295e-02f);
    p = fma(p, f, set_f(2.422109693e-01f));
    p = fma(p, f, set_f(6.932829022e-01f));
  } else if constexpr (Degree == 4) {
    p = set_f(9.582852945e-03f);
    p = fma(p, f, set_f(5.590642616e-02f));
    p = fma(p, f, set_f(2.402409911e-01f));
    p = fma(p, f, set_f(6.931241751e-01f));
  } else {
    p = set_f(1.326472731e-03f);
    p = fma(p, f, set_f(9.671512991e-03f));
    p = fma(p, f, set_f(5.550733581e-02f));
    p = fma(p, f, set_f(2.402224243e-01f));
    p = fma(p, f, set_f(6.931470037e-01f));
  }
  return fma(p, f, set_f(1.0f));
}

// 2^x for finite x below 1; 0 far below 0, and 2^0 = 1 exactly.
template <int Degree>
TRIVET_INLINE Floats exp2_finite(Floats x) {
  const Floats n = round_f(x);
  return times_power(exp2_fraction<Degree>(sub(x, n)), n);
}
// The same for -infinity too.
TRIVET_INLINE Floats exp2_f(Floats x) { return exp2_finite<5>(max_f(x, set_f(-220.0f))); }

// The logits that the soft cap makes of scores, and kUnseen where a row does not see.
TRIVET_INLINE void cap_row(float* scores, float scale, float cap) {
  for (int g = 0; g < 64; g += 16) {
    const Floats x = div(mul(load_f(scores + g), set_f(scale)), set_f(cap));
    store_f(scores + g, mul(set_f(cap), tanh_f(x)));
  }
}
TRIVET_INLINE void mask_row(float* scores, int begin, int end) {
  alignas(64) static const float kLanes[16] = {0, 1, 2,  3,  4,  5,  6,  7,
                                               8, 9, 10, 11, 12, 13, 14, 15};
  const Floats lanes = load_f(kLanes), unseen = set_f(kUnseen);
  for (int g = 0; g < 64; g += 16) {
    const Floats at = add(lanes, set_f(static_cast<float>(g)));
    Floats x = select_less(at, set_f(static_cast<float>(end)), load_f(scores + g), unseen);
    store_f(scores + g, select_less(at, set_f(static_cast<float>(begin)), unseen, x));
  }
}

// tile.top[r] = the largest score of row r, after caps and masks.
TRIVET_INLINE void find_tops(TileScratch& tile, const TileRows& rows, float cap) {
  for (int r = 0; r < rows.count; ++r) {
    float* scores = tile.scores + 64 * r;
    if (cap > 0) cap_row(scores, tile.scale[r], cap);
    if (rows.begins[r] > 0 || rows.ends[r] < 64) mask_row(scores, rows.begins[r], rows.ends[r]);
  }
  for (int first = 0; first < rows.count; first += 4) {
    Floats top[4];
    TRIVET_UNROLL for (int i = 0; i < 4; ++i) {
      const float* x = tile.scores + 64 * (first + i);  // rows beyond count: whatever is there
      top[i] = max_f(max_f(load_f(x), load_f(x + 16)), max_f(load_f(x + 32), load_f(x + 48)));
    }
    max_lanes_4(top, tile.top + first);
  }
  for (int r = 0; r < rows.count; ++r) {
    if (rows.begins[r] >= rows.ends[r]) tile.top[r] = -__builtin_inff();
  }
}

// Scores become weights, which the type takes; maximum (in units of log2) and sum of the rows
// follow.
template <class Type>
TRIVET_INLINE void soften_rows(TileScratch& tile, const TileRows& rows, const TileView& view,
                               int head_dim, float cap, float* maximum, float* sum) {
  alignas(64) float old[16], sums[16], factors[16], base[16];
  find_tops(tile, rows, cap);
  store_f(old, set_f(-__builtin_inff()));
  store_f(sums, set_f(0.0f));
  store_f(factors, set_f(1.0f));
  for (int r = 0; r < rows.count; ++r) {
    old[r] = maximum[r];
    sums[r] = sum[r];
    factors[r] = kLog2E * (cap > 0 ? 1.0f : tile.scale[r]);
  }
  const Floats minus_infinity = set_f(-__builtin_inff());
  const Floats next = max_f(mul(load_f(tile.top), load_f(factors)), load_f(old));
  const Floats from = select_less(minus_infinity, next, next, set_f(0.0f));
  const Floats correction = exp2_f(sub(load_f(old), from));
  store_f(tile.correction, correction);
  store_f(base, from);
  const typename Type::ValueScales scales = Type::value_scales(view, head_dim);
  for (int first = 0; first < rows.count; first += 4) {
    Floats parts[4];
    TRIVET_UNROLL for (int i = 0; i < 4; ++i) {
      const int r = first + i;
      parts[i] = set_f(0.0f);
      if (r >= rows.count) continue;
      const Floats factor = set_f(factors[r]), less = set_f(base[r]);
      Floats w[4];
      TRIVET_UNROLL for (int g = 0; g < 4; ++g) {
        const Floats x = load_f(tile.scores + 64 * r + 16 * g);
        w[g] = exp2_finite<Type::kExpDegree>(fms(x, factor, less));
      }
      parts[i] = add(add(w[0], w[1]), add(w[2], w[3]));
      Type::take_weights(w, scales, r, tile);
    }
    sum_lanes_4(parts, tile.top + first);
  }
  store_f(sums, fma(load_f(sums), correction, load_f(tile.top)));
  alignas(64) float tops[16];
  store_f(tops, next);
  for (int r = 0; r < rows.count; ++r) {
    maximum[r] = tops[r];
    sum[r] = sums[r];
  }
}
