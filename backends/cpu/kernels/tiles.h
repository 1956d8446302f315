// Matrix tiles: a few activation rows times one super-panel (packed_format.h). Integer sums are
// exact; the float operations of an output element form one chain in k order, which no tile height,
// chunk length or variant (narrow, wide) changes.

// Levels with few registers walk the two panels one after the other.
#define TRIVET_TILE(name, body)                                                            \
  template <int Rows>                                                                      \
  void name(const uint8_t* w, const int32_t* a, int units, float* c, const char* prefetch, \
            int lines) {                                                                   \
    body(w, a, units, c, prefetch, lines, 0);                                              \
    if constexpr (kTilePanels == 1) body(w, a, units, c, prefetch, 0, 1);                  \
  }
TRIVET_TILE(tile_q4_0, (tile_per_32<Group32<4, 3>, Rows, kTilePanels>))
TRIVET_TILE(tile_q4_1, (tile_per_32<Group32<4, 0>, Rows, kTilePanels>))
TRIVET_TILE(tile_q5_0, (tile_per_32<Group32<5, 4>, Rows, kTilePanels>))
TRIVET_TILE(wide_q5_0, (tile_per_32<Group32<5, 4, true>, Rows, kTilePanels>))
TRIVET_TILE(tile_q5_1, (tile_per_32<Group32<5, 0>, Rows, kTilePanels>))
TRIVET_TILE(wide_q5_1, (tile_per_32<Group32<5, 0, true>, Rows, kTilePanels>))
TRIVET_TILE(tile_q8_0, (tile_per_32<Group32<8, 7>, Rows, kTilePanels>))
TRIVET_TILE(tile_q4_k, (tile_per_256<Super45<4>, false, Rows, kTilePanels>))
TRIVET_TILE(narrow_q4_k, (tile_per_256<Super45<4>, true, Rows, kTilePanels>))
TRIVET_TILE(tile_q5_k, (tile_per_256<Super45<5>, false, Rows, kTilePanels>))
TRIVET_TILE(narrow_q5_k, (tile_per_256<Super45<5>, true, Rows, kTilePanels>))
TRIVET_TILE(wide_q5_k, (tile_per_256<Super45<5, true>, false, Rows, kTilePanels>))
TRIVET_TILE(wide_narrow_q5_k, (tile_per_256<Super45<5, true>, true, Rows, kTilePanels>))
TRIVET_TILE(tile_q6_k, (tile_per_256<Super6<>, false, Rows, kTilePanels>))
TRIVET_TILE(narrow_q6_k, (tile_per_256<Super6<>, true, Rows, kTilePanels>))
TRIVET_TILE(wide_q6_k, (tile_per_256<Super6<true>, false, Rows, kTilePanels>))
TRIVET_TILE(wide_narrow_q6_k, (tile_per_256<Super6<true>, true, Rows, kTilePanels>))
TRIVET_TILE(tile_f32, (tile_float<WeightF32, Rows, kTilePanels>))
TRIVET_TILE(tile_f16, (tile_float<WeightF16, Rows, kTilePanels>))
TRIVET_TILE(tile_bf16, (tile_float<WeightBF16, Rows, kTilePanels>))
#undef TRIVET_TILE

// Tiles of `Rows` rows and fewer.
template <int Rows>
void fill_tiles(KernelTable& table) {
  auto set = [&](PackedFormat format, TileKernel plain, TileKernel narrow, TileKernel wide,
                 TileKernel wide_narrow) {
    FormatKernels& k = table.formats[static_cast<int>(format)];
    constexpr bool kNarrowPays = Rows >= 5;  // its chains are twice as long
    k.tiles[0][0][Rows] = plain;
    k.tiles[0][1][Rows] = kNarrowPays ? narrow : plain;
    k.tiles[1][0][Rows] = wide;
    k.tiles[1][1][Rows] = kNarrowPays ? wide_narrow : wide;
  };
  auto set_one = [&](PackedFormat format, TileKernel tile) { set(format, tile, tile, tile, tile); };
  set_one(PackedFormat::kQ4_0, tile_q4_0<Rows>);
  set_one(PackedFormat::kQ4_1, tile_q4_1<Rows>);
  set(PackedFormat::kQ5_0, tile_q5_0<Rows>, tile_q5_0<Rows>, wide_q5_0<Rows>, wide_q5_0<Rows>);
  set(PackedFormat::kQ5_1, tile_q5_1<Rows>, tile_q5_1<Rows>, wide_q5_1<Rows>, wide_q5_1<Rows>);
  set_one(PackedFormat::kQ8_0, tile_q8_0<Rows>);
  set(PackedFormat::kQ4_K, tile_q4_k<Rows>, narrow_q4_k<Rows>, tile_q4_k<Rows>, narrow_q4_k<Rows>);
  set(PackedFormat::kQ5_K, tile_q5_k<Rows>, narrow_q5_k<Rows>, wide_q5_k<Rows>,
      wide_narrow_q5_k<Rows>);
  set(PackedFormat::kQ6_K, tile_q6_k<Rows>, narrow_q6_k<Rows>, wide_q6_k<Rows>,
      wide_narrow_q6_k<Rows>);
  set_one(PackedFormat::kF32, tile_f32<Rows>);
  set_one(PackedFormat::kF16, tile_f16<Rows>);
  set_one(PackedFormat::kBF16, tile_bf16<Rows>);
  if constexpr (Rows > 1) fill_tiles<Rows - 1>(table);
}

void fill_widening(KernelTable& table) {
  auto set = [&](PackedFormat format, WidenKernel widen, int wide_unit_bytes, int from_rows) {
    FormatKernels& k = table.formats[static_cast<int>(format)];
    k.widen = widen;
    k.wide_unit_bytes = wide_unit_bytes;
    k.widen_from_rows = from_rows;
  };
  using Wide50 = Group32<5, 4, true>;
  using Wide51 = Group32<5, 0, true>;
  set(PackedFormat::kQ5_0, widen_32<Group32<5, 4>, Wide50>, Wide50::kUnitBytes, 20);
  set(PackedFormat::kQ5_1, widen_32<Group32<5, 0>, Wide51>, Wide51::kUnitBytes, 20);
  set(PackedFormat::kQ5_K, widen_256<Super45<5>, Super45<5, true>>, Super45<5, true>::kUnitBytes,
      48);
  set(PackedFormat::kQ6_K, widen_256<Super6<>, Super6<true>>, Super6<true>::kUnitBytes, 16);
}
