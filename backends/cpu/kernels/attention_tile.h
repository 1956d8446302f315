// What all cache types share: views of a tile of 64 positions, and what is done tile by tile.

// The score of what a row does not see: finite, and its weight is 0.
constexpr float kUnseen = -1e30f;

struct TileView {
  const uint8_t* keys[4];  // groups of 16 positions; null where absent
  const uint8_t* values[4];
};

// Scores of at most this many rows become weights together: enough that the latency of one does not
// show.
constexpr int kSoftenRows = 16;

// The rows that go through a tile together.
struct TileRows {
  int count;
  int begin, end;                              // positions that any of them sees
  int begins[kSoftenRows], ends[kSoftenRows];  // in the tile; begin >= end: sees nothing
};

struct TileScratch {
  float scores[kAttentionTile * kSoftenRows];    // [row][64]
  int32_t packed[kAttentionTile * kSoftenRows];  // weights as the type multiplies them
  float top[kSoftenRows];                        // by row
  float correction[kSoftenRows];                 // what was summed before is multiplied by it
  float scale[kSoftenRows];                      // from scores to logits
  float weight_scale[kSoftenRows];
};
static_assert(sizeof(TileScratch) <= sizeof(float) * kAttendScratchFloats);
static_assert(kAttentionRows <= 8);

// Vectors per row that fit the registers beside `rows` rows.
constexpr int attention_vectors(int rows) {
  return kAttentionVectors > 1 && rows > 6 ? kAttentionVectors / 2 : kAttentionVectors;
}

// Into how many at a time `rows` rows are cut: as evenly as may be. More than six leave registers
// for two vectors each instead of four, which pays only where it saves a second pass.
TRIVET_INLINE int even_rows(int rows) {
  const int most = rows > kAttentionRows && kAttentionRows > 6 ? 6 : kAttentionRows;
  const int pieces = (rows + most - 1) / most;
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
        for (int r = 0; r < Rows; ++r) store_f(scores + 64 * r + 16 * g, set_f(kUnseen));
      }
      ++g;
    }
  }
}

// values = values * correction + weights V for Rows rows from row0 of the scratch, by a type's
// add_slice(), some columns at a time.
template <class Type, int Rows>
void add_values_tile(const TileScratch& tile, int row0, const TileView& view, const TileView& next,
                     const TileRows& rows, int head_dim, float* values) {
  constexpr int kStep = attention_vectors(Rows);
  const int slices = head_dim / 16;
  int s = 0;
  for (; s + kStep <= slices; s += kStep) {
    Type::template add_slices<Rows, kStep>(tile, row0, view, next, rows, s, head_dim, values);
  }
  for (; s < slices; ++s)
    Type::template add_slices<Rows, 1>(tile, row0, view, next, rows, s, head_dim, values);
}

// Scores of some vectors of 16 positions, from the `first` on.
template <int Rows, int Vectors>
TRIVET_INLINE void store_scores(const Floats (&s)[Rows][Vectors], int first, float* scores) {
  TRIVET_UNROLL for (int r = 0; r < Rows; ++r) {
    TRIVET_UNROLL for (int g = 0; g < Vectors; ++g)
        store_f(scores + 64 * r + 16 * (first + g), s[r][g]);
  }
}
