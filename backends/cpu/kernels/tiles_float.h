// Tiles of float weights: one fused multiply-add per column, in order; see tiles.h.

struct WeightF32 {
  static constexpr int kUnitBytes = 4096;
  static TRIVET_INLINE Floats column(const uint8_t* unit, int k, int panel) {
    return load_f(reinterpret_cast<const float*>(unit + 128 * k + 64 * panel));
  }
};
struct WeightF16 {
  static constexpr int kUnitBytes = 2048;
  static TRIVET_INLINE Floats column(const uint8_t* unit, int k, int panel) {
    return load_half(reinterpret_cast<const uint16_t*>(unit + 64 * k + 32 * panel));
  }
};
struct WeightBF16 {
  static constexpr int kUnitBytes = 2048;
  static TRIVET_INLINE Floats column(const uint8_t* unit, int k, int panel) {
    const Ints pair = load_i(unit + 128 * (k / 2) + 64 * panel);
    return bits_to_float(k % 2 == 0 ? shl32<16>(pair)
                                    : and_i(pair, set_i(static_cast<int>(0xFFFF0000u))));
  }
};

template <class Format, int Rows, int Panels>
TRIVET_INLINE void tile_float(const uint8_t* w, const int32_t* a, int units, float* c,
                              const char* prefetch, int lines, int first_panel) {
  Floats f[Rows][Panels];
  TRIVET_UNROLL for (int m = 0; m < Rows; ++m) {
    TRIVET_UNROLL for (int p = 0; p < Panels; ++p) f[m][p] =
        load_f(c + 32 * m + 16 * (first_panel + p));
  }
  const float* x = reinterpret_cast<const float*>(a);
  for (int u = 0; u < units; ++u) {
    for (int k0 = 0; k0 < 32; k0 += 8) {
      for (int i = 0; i < lines; ++i) _mm_prefetch(prefetch + 64 * i, _MM_HINT_T0);
      prefetch += 64 * lines;
      TRIVET_UNROLL for (int k = 0; k < 8; ++k) {
        Floats b[Panels];
        TRIVET_UNROLL for (int p = 0; p < Panels; ++p) b[p] =
            Format::column(w + k0 * (Format::kUnitBytes / 32), k, first_panel + p);
        TRIVET_UNROLL for (int m = 0; m < Rows; ++m) {
          const Floats v = set_f(x[(k0 + k) * Rows + m]);
          TRIVET_UNROLL for (int p = 0; p < Panels; ++p) f[m][p] = fma(b[p], v, f[m][p]);
        }
      }
    }
    w += Format::kUnitBytes;
    x += 32 * Rows;
  }
  TRIVET_UNROLL for (int m = 0; m < Rows; ++m) {
    TRIVET_UNROLL for (int p = 0; p < Panels; ++p)
        store_f(c + 32 * m + 16 * (first_panel + p), f[m][p]);
  }
}
