// Attention of a few query rows over one key/value head. Positions are cut at multiples of 64
// (tiles) and of 512 (parts), never at row-dependent places; a row that sees nothing of a tile is
// left bit for bit as it was (the correction is e^0 = 1, and adding +0 to a sum that is never -0
// changes nothing).

struct TileView {
  const uint16_t* keys[4];  // groups of 16 positions; null where absent
  const uint16_t* values[4];
};

TRIVET_INLINE TileView view_tile(const KvHead& kv, int tile_begin, int last) {
  TileView view;
  const int64_t group_bytes = 32 * static_cast<int64_t>(kv.head_dim);
  for (int g = 0; g < 4; ++g) {
    const int position = tile_begin + 16 * g;
    view.keys[g] = view.values[g] = nullptr;
    if (position > last) continue;
    const int block = kv.block_table[position / kv.block_tokens];
    if (block < 0 || block >= kv.num_blocks) continue;
    const uint8_t* keys =
        kv.memory + block * kv.block_bytes + (position % kv.block_tokens) / 16 * group_bytes;
    view.keys[g] = reinterpret_cast<const uint16_t*>(keys);
    view.values[g] = reinterpret_cast<const uint16_t*>(keys + kv.value_offset);
  }
  return view;
}

TRIVET_INLINE void prefetch_line(const uint16_t* group, int bytes) {
  _mm_prefetch(reinterpret_cast<const char*>(group) + bytes, _MM_HINT_T1);
}

// While a tile is used, `next` is requested from memory, line by line (keys with the scores, values
// with the values).
// scores[row * 64 + 16 g ...] = q . k for the groups [first_group, first_group + Vectors)
template <int Rows, int Vectors>
TRIVET_INLINE void score_groups(const float* q, const TileView& view, const TileView& next,
                                int first_group, int head_dim, float* scores) {
  Floats s[Rows][Vectors];
  TRIVET_UNROLL for (int r = 0; r < Rows; ++r) {
    TRIVET_UNROLL for (int g = 0; g < Vectors; ++g) s[r][g] = set_f(0.0f);
  }
  for (int d = 0; d < head_dim; ++d) {
    prefetch_line(next.keys[d & 1 ? 2 : 0], 64 * (d / 2));
    prefetch_line(next.keys[d & 1 ? 3 : 1], 64 * (d / 2));
    Floats k[Vectors];
    TRIVET_UNROLL for (int g = 0; g < Vectors; ++g) k[g] =
        load_half(view.keys[first_group + g] + 16 * d);
    TRIVET_UNROLL for (int r = 0; r < Rows; ++r) {
      const Floats x = set_f(q[d * Rows + r]);
      TRIVET_UNROLL for (int g = 0; g < Vectors; ++g) s[r][g] = fma(x, k[g], s[r][g]);
    }
  }
  TRIVET_UNROLL for (int r = 0; r < Rows; ++r) {
    TRIVET_UNROLL for (int g = 0; g < Vectors; ++g)
        store_f(scores + 64 * r + 16 * (first_group + g), s[r][g]);
  }
}

template <int Rows>
void score_tile(const float* q, const TileView& view, const TileView& next, int head_dim,
                float* scores) {
  constexpr int kStep = kAttentionVectors;
  for (int g = 0; g < 4; g += kStep) {
    bool whole = true;
    for (int i = 0; i < kStep; ++i) whole = whole && view.keys[g + i];
    if (whole) {
      score_groups<Rows, kStep>(q, view, next, g, head_dim, scores);
      continue;
    }
    for (int i = g; i < g + kStep; ++i) {
      if (view.keys[i]) {
        score_groups<Rows, 1>(q, view, next, i, head_dim, scores);
      } else {
        for (int r = 0; r < Rows; ++r) store_f(scores + 64 * r + 16 * i, set_f(-__builtin_inff()));
      }
    }
  }
}

// Values of 16 * Vectors columns: values = values * correction + p V over positions [begin, end) of
// the tile.
template <int Rows, int Vectors>
TRIVET_INLINE void add_values_slice(const float* p, const float* correction, const TileView& view,
                                    const TileView& next, int begin, int end, int slice,
                                    int head_dim, float* values) {
  const Floats zero = set_f(0.0f);
  Floats acc[Rows][Vectors];
  TRIVET_UNROLL for (int r = 0; r < Rows; ++r) {
    TRIVET_UNROLL for (int v = 0; v < Vectors; ++v) {
      acc[r][v] = fma(load_f(values + r * head_dim + 16 * (slice + v)), set_f(correction[r]), zero);
    }
  }
  for (int t = begin; t < end; ++t) {
    const uint16_t* group = view.values[t / 16];
    if (!group) continue;
    const uint16_t* row = group + 256 * slice + 16 * (t % 16);
    prefetch_line(next.values[t / 16], 512 * slice + 32 * Vectors * (t % 16));
    if constexpr (Vectors > 2) {
      prefetch_line(next.values[t / 16], 512 * slice + 32 * Vectors * (t % 16) + 64);
    }
    Floats x[Vectors];
    TRIVET_UNROLL for (int v = 0; v < Vectors; ++v) x[v] = load_half(row + 256 * v);
    TRIVET_UNROLL for (int r = 0; r < Rows; ++r) {
      const Floats w = set_f(p[64 * r + t]);
      TRIVET_UNROLL for (int v = 0; v < Vectors; ++v) acc[r][v] = fma(w, x[v], acc[r][v]);
    }
  }
  TRIVET_UNROLL for (int r = 0; r < Rows; ++r) {
    TRIVET_UNROLL for (int v = 0; v < Vectors; ++v)
        store_f(values + r * head_dim + 16 * (slice + v), acc[r][v]);
  }
}

template <int Rows>
void add_values_tile(const float* p, const float* correction, const TileView& view,
                     const TileView& next, int begin, int end, int head_dim, float* values) {
  constexpr int kStep = kAttentionVectors;
  const int slices = head_dim / 16;
  int s = 0;
  for (; s + kStep <= slices; s += kStep) {
    add_values_slice<Rows, kStep>(p, correction, view, next, begin, end, s, head_dim, values);
  }
  for (; s < slices; ++s)
    add_values_slice<Rows, 1>(p, correction, view, next, begin, end, s, head_dim, values);
}

// Scores of one row become weights; maximum and sum follow; returns the correction of what was
// summed before.
TRIVET_INLINE float soften_row(float* scores, int begin, int end, float scale, float cap,
                               float& maximum, float& sum) {
  const Floats minus_infinity = set_f(-__builtin_inff());
  alignas(64) static const float kLanes[16] = {0, 1, 2,  3,  4,  5,  6,  7,
                                               8, 9, 10, 11, 12, 13, 14, 15};
  const Floats lanes = load_f(kLanes);
  Floats s[4];
  TRIVET_UNROLL for (int g = 0; g < 4; ++g) {
    Floats x = mul(load_f(scores + 16 * g), set_f(scale));
    if (cap > 0) x = mul(set_f(cap), tanh_f(div(x, set_f(cap))));
    const Floats at = add(lanes, set_f(static_cast<float>(16 * g)));
    x = select_less(at, set_f(static_cast<float>(end)), x, minus_infinity);
    s[g] = select_less(at, set_f(static_cast<float>(begin)), minus_infinity, x);
  }
  const float tile_maximum = max_lanes(max_f(max_f(s[0], s[1]), max_f(s[2], s[3])));
  const float next = tile_maximum > maximum ? tile_maximum : maximum;
  const float base = next == -__builtin_inff() ? 0.0f : next;
  TRIVET_UNROLL for (int g = 0; g < 4; ++g) {
    s[g] = exp_f(sub(s[g], set_f(base)));
    store_f(scores + 16 * g, s[g]);
  }
  alignas(64) float first[16];
  store_f(first, exp_f(set_f(maximum - base)));
  sum = sum * first[0] + sum_lanes(add(add(s[0], s[1]), add(s[2], s[3])));
  maximum = next;
  return first[0];
}

using ScoreFn = void (*)(const float*, const TileView&, const TileView&, int, float*);
using ValuesFn = void (*)(const float*, const float*, const TileView&, const TileView&, int, int,
                          int, float*);

template <int Rows>
TRIVET_INLINE ScoreFn score_function(int rows) {
  if constexpr (Rows == 1) {
    return score_tile<1>;
  } else {
    return rows == Rows ? static_cast<ScoreFn>(score_tile<Rows>) : score_function<Rows - 1>(rows);
  }
}
template <int Rows>
TRIVET_INLINE ValuesFn values_function(int rows) {
  if constexpr (Rows == 1) {
    return add_values_tile<1>;
  } else {
    return rows == Rows ? static_cast<ValuesFn>(add_values_tile<Rows>)
                        : values_function<Rows - 1>(rows);
  }
}

// The tile after `view`, for prefetching: what is absent is replaced by what is already here.
TRIVET_INLINE TileView view_next(const KvHead& kv, const TileView& view, int tile_begin, int last) {
  TileView next = view_tile(kv, tile_begin + kAttentionTile, last);
  const uint16_t* here = reinterpret_cast<const uint16_t*>(kv.memory);
  for (int g = 0; g < 4; ++g) {
    if (next.keys[g]) continue;
    next.keys[g] = view.keys[g] ? view.keys[g] : here;
    next.values[g] = view.keys[g] ? view.values[g] : here;
  }
  return next;
}

// One group of at most kAttentionRows rows over one tile.
TRIVET_INLINE void attend_group(const AttendParams& a, const TileView& view, const TileView& next,
                                int tile_begin, int row0, int rows, const AttendState& out,
                                float* scores, float* correction) {
  int begin = 64, end = 0, begins[kAttentionRows], ends[kAttentionRows];
  for (int r = 0; r < rows; ++r) {
    const int lo = a.first[row0 + r] - tile_begin, hi = a.last[row0 + r] + 1 - tile_begin;
    begins[r] = lo < 0 ? 0 : lo;
    ends[r] = hi > 64 ? 64 : hi;
    if (begins[r] >= ends[r]) continue;
    begin = begins[r] < begin ? begins[r] : begin;
    end = ends[r] > end ? ends[r] : end;
  }
  if (begin >= end) return;
  const int head_dim = a.kv.head_dim;
  score_function<kAttentionRows>(rows)(a.queries + static_cast<int64_t>(row0) * head_dim, view,
                                       next, head_dim, scores);
  for (int r = 0; r < rows; ++r) {
    correction[r] = soften_row(scores + 64 * r, begins[r], ends[r], a.scale, a.softcap,
                               out.maximum[row0 + r], out.sum[row0 + r]);
  }
  values_function<kAttentionRows>(rows)(scores, correction, view, next, begin, end, head_dim,
                                        out.values + static_cast<int64_t>(row0) * head_dim);
}

void attend_part(const AttendParams& a, int part, const AttendState& out, float* scratch) {
  const int head_dim = a.kv.head_dim;
  int first = a.first[0], last = a.last[0];
  for (int r = 0; r < a.num_rows; ++r) {
    out.maximum[r] = -__builtin_inff();
    out.sum[r] = 0.0f;
    first = a.first[r] < first ? a.first[r] : first;
    last = a.last[r] > last ? a.last[r] : last;
  }
  for (int64_t i = 0; i < static_cast<int64_t>(a.num_rows) * head_dim; i += 16)
    store_f(out.values + i, set_f(0.0f));
  float* correction = scratch + kAttentionTile * kAttentionRows;
  const int part_end = (part + 1) * kAttentionPart;
  int begin = part * kAttentionPart;
  if (first > begin) begin = first / kAttentionTile * kAttentionTile;
  const int end = last + 1 < part_end ? last + 1 : part_end;
  for (int tile = begin; tile < end; tile += kAttentionTile) {
    const TileView view = view_tile(a.kv, tile, last);
    const TileView next = view_next(a.kv, view, tile, last);
    for (int row = 0; row < a.num_rows; row += kAttentionRows) {
      const int rows = a.num_rows - row < kAttentionRows ? a.num_rows - row : kAttentionRows;
      attend_group(a, view, next, tile, row, rows, out, scratch, correction);
    }
  }
}

void pack_query_rows(const float* const* rows, int num_rows, int head_dim, float* out) {
  for (int row0 = 0; row0 < num_rows; row0 += kAttentionRows) {
    const int n = num_rows - row0 < kAttentionRows ? num_rows - row0 : kAttentionRows;
    for (int r = 0; r < n; ++r) {
      for (int d = 0; d < head_dim; ++d) out[d * n + r] = rows[row0 + r][d];
    }
    out += static_cast<int64_t>(n) * head_dim;
  }
}

void merge_row(const AttendState& into, const AttendState& part, int row, int head_dim) {
  const float a = into.maximum[row], b = part.maximum[row];
  const float next = a > b ? a : b;
  const float base = next == -__builtin_inff() ? 0.0f : next;
  alignas(64) float old_factor[16], new_factor[16];
  store_f(old_factor, exp_f(set_f(a - base)));
  store_f(new_factor, exp_f(set_f(b - base)));
  into.maximum[row] = next;
  into.sum[row] = into.sum[row] * old_factor[0] + part.sum[row] * new_factor[0];
  float* x = into.values + static_cast<int64_t>(row) * head_dim;
  const float* y = part.values + static_cast<int64_t>(row) * head_dim;
  for (int d = 0; d < head_dim; d += 16) {
    const Floats kept = mul(load_f(x + d), set_f(old_factor[0]));
    store_f(x + d, add(fma(load_f(y + d), set_f(new_factor[0]), kept), set_f(0.0f)));
  }
}

void merge_attend_states(const AttendState& into, const AttendState& part, int num_rows,
                         int head_dim) {
  for (int r = 0; r < num_rows; ++r) merge_row(into, part, r, head_dim);
}

void finish_attend_state(const AttendState& state, int num_rows, int head_dim, float* const* out) {
  for (int r = 0; r < num_rows; ++r) {
    const Floats sum = set_f(state.sum[r]);
    for (int d = 0; d < head_dim; d += 16) {
      store_f(out[r] + d, div(load_f(state.values + static_cast<int64_t>(r) * head_dim + d), sum));
    }
  }
}
