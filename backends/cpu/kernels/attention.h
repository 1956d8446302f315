// Attention of a few query rows over one key/value head. Positions are cut at multiples of 64
// (tiles) and of 512 (parts), never at row-dependent places; a row that sees nothing of a tile is
// left bit for bit as it was (the correction is 2^0 = 1, and adding +0 to a sum that is never -0
// changes nothing).

using ScoreFn = void (*)(const void*, const TileView&, const TileView&, int, int, float*);
using ValuesFn = void (*)(const TileScratch&, int, const TileView&, const TileView&,
                          const TileRows&, int, float*);

template <class Type, int Rows>
TRIVET_INLINE ScoreFn score_function(int rows) {
  if constexpr (Rows == 1) {
    return score_tile<Type, 1>;
  } else {
    return rows == Rows ? static_cast<ScoreFn>(score_tile<Type, Rows>)
                        : score_function<Type, Rows - 1>(rows);
  }
}
template <class Type, int Rows>
TRIVET_INLINE ValuesFn values_function(int rows) {
  if constexpr (Rows == 1) {
    return add_values_tile<Type, 1>;
  } else {
    return rows == Rows ? static_cast<ValuesFn>(add_values_tile<Type, Rows>)
                        : values_function<Type, Rows - 1>(rows);
  }
}

// Rows [row0, row0 + count) in the tile.
TRIVET_INLINE TileRows rows_in_tile(const AttendParams& a, int tile_begin, int row0, int count) {
  TileRows rows;
  rows.count = count;
  rows.begin = 64;
  rows.end = 0;
  for (int r = 0; r < count; ++r) {
    const int lo = a.first[row0 + r] - tile_begin, hi = a.last[row0 + r] + 1 - tile_begin;
    rows.begins[r] = lo < 0 ? 0 : lo;
    rows.ends[r] = hi > 64 ? 64 : hi;
    if (rows.begins[r] >= rows.ends[r]) continue;
    rows.begin = rows.begins[r] < rows.begin ? rows.begins[r] : rows.begin;
    rows.end = rows.ends[r] > rows.end ? rows.ends[r] : rows.end;
  }
  return rows;
}

// Rows [row0, row0 + count), of which `step` at a time were packed together.
template <class Type>
TRIVET_INLINE void attend_group(const AttendParams& a, const TileView& view, const TileView& next,
                                int tile_begin, int row0, int count, int step,
                                const AttendState& out, TileScratch& tile) {
  const TileRows rows = rows_in_tile(a, tile_begin, row0, count);
  if (rows.begin >= rows.end) return;
  const int head_dim = a.kv.head_dim;
  for (int r = 0; r < count; r += step) {
    const int n = count - r < step ? count - r : step;
    const int32_t* queries = a.queries + static_cast<int64_t>(row0 + r) * head_dim;
    score_function<Type, kAttentionRows>(n)(queries, view, next, rows.end, head_dim,
                                            tile.scores + 64 * r);
    Type::row_scales(queries, n, head_dim, a.scale, tile.scale + r);
  }
  soften_rows<Type>(tile, rows, view, head_dim, a.softcap, out.maximum + row0, out.sum + row0);
  for (int r = 0; r < count; r += step) {
    const int n = count - r < step ? count - r : step;
    values_function<Type, kAttentionRows>(n)(
        tile, r, view, next, rows, head_dim,
        out.values + static_cast<int64_t>(row0 + r) * head_dim);
  }
}

// The rows [begin, end) of one sequence in one tile.
template <class Type>
TRIVET_INLINE void attend_tile(const AttendParams& a, const int32_t* block_table, int begin,
                               int end, int tile_begin, const AttendState& out, TileScratch& tile) {
  const int64_t group_bytes = Type::group_bytes(a.kv.head_dim);
  int last = a.last[begin];
  for (int r = begin; r < end; ++r) last = a.last[r] > last ? a.last[r] : last;
  if (last < tile_begin) return;
  const TileView view = view_tile(a.kv, block_table, group_bytes, tile_begin, last);
  const TileView next = view_next(a.kv, block_table, group_bytes, view, tile_begin, last);
  const int step = even_rows(end - begin);
  const int most = kSoftenRows / step * step;
  for (int row = begin; row < end; row += most) {
    const int count = end - row < most ? end - row : most;
    attend_group<Type>(a, view, next, tile_begin, row, count, step, out, tile);
  }
}

template <class Type>
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
  TileScratch& tile = *reinterpret_cast<TileScratch*>(scratch);
  const int part_end = (part + 1) * kAttentionPart;
  int begin = part * kAttentionPart;
  if (first > begin) begin = first / kAttentionTile * kAttentionTile;
  const int end = last + 1 < part_end ? last + 1 : part_end;
  for (int at = begin; at < end; at += kAttentionTile) {
    for (int s = 0; s < a.num_sequences; ++s)
      attend_tile<Type>(a, a.block_tables[s], a.row_begin[s], a.row_begin[s + 1], at, out, tile);
  }
}

template <class Type>
void pack_query_rows(const float* const* rows, int num_rows, int head_dim, int32_t* out) {
  const int step = even_rows(num_rows);
  for (int row = 0; row < num_rows; row += step) {
    const int count = num_rows - row < step ? num_rows - row : step;
    Type::pack(rows + row, count, head_dim, out + static_cast<int64_t>(row) * head_dim);
  }
}

void merge_row(const AttendState& into, const AttendState& part, int row, int head_dim) {
  const float a = into.maximum[row], b = part.maximum[row];
  const float next = a > b ? a : b;
  const float base = next == -__builtin_inff() ? 0.0f : next;
  alignas(64) float old_factor[16], new_factor[16];
  store_f(old_factor, exp2_f(set_f(a - base)));
  store_f(new_factor, exp2_f(set_f(b - base)));
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
    const Floats factor = set_f(1.0f / state.sum[r]);
    for (int d = 0; d < head_dim; d += 16) {
      store_f(out[r] + d,
              mul(load_f(state.values + static_cast<int64_t>(r) * head_dim + d), factor));
    }
  }
}

template <class Type>
AttentionKernels attention_kernels() {
  return {Type::store, pack_query_rows<Type>, attend_part<Type>};
}

void fill_attention(KernelTable& t) {
  t.attention[kKvF16] = attention_kernels<F16Cache>();
  t.attention[kKvBf16] = attention_kernels<Bf16Cache>();
  t.attention[kKvInt8] = attention_kernels<Int8Cache>();
  t.merge_states = merge_attend_states;
  t.finish_state = finish_attend_state;
}
