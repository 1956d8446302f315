// Matrix tiles: a few activation rows times one super-panel (packed_format.h). Integer sums are
// exact; the float operations of an output element form one chain in k order, which no tile height
// or chunk length changes.

// ---------------------------------------------------------------- weights per 32 columns

TRIVET_INLINE Ints nibbles(const uint8_t* vectors, int step, Ints mask) {
  const Ints x = load_i(vectors + 64 * (step & 3));
  return and_i(step < 4 ? x : shr16<4>(x), mask);
}

// Bits of `plane` selected by `step` moved to where `mask` keeps them (mask: 0x10 for one bit per
// step).
template <int step>
TRIVET_INLINE Ints fifth_bit(Ints plane) {
  if constexpr (step < 4) {
    return shl16<4 - step>(plane);
  } else {
    return shr16<step - 4>(plane);
  }
}

TRIVET_INLINE Ints fifth_bit_at(Ints plane, int step) {
  switch (step) {
    case 0:
      return fifth_bit<0>(plane);
    case 1:
      return fifth_bit<1>(plane);
    case 2:
      return fifth_bit<2>(plane);
    case 3:
      return fifth_bit<3>(plane);
    case 4:
      return plane;
    case 5:
      return fifth_bit<5>(plane);
    case 6:
      return fifth_bit<6>(plane);
    default:
      return fifth_bit<7>(plane);
  }
}

// Bits: of the integers. Shift: zero point = 1 << Shift, 0 = a minimum per group instead.
template <int Bits, int Shift>
struct Group32 {
  static constexpr int kVectorBytes = Bits == 8 ? 512 : 256;
  static constexpr int kScales = 2 * kVectorBytes + (Bits == 5 ? 128 : 0);
  static constexpr bool kMinima = Shift == 0;
  static constexpr int kMinimaOffset = kScales + 64;
  static constexpr int kUnitBytes = kScales + 64 + (kMinima ? 64 : 0);
  static constexpr bool kNoOffset = Shift == 0 || (Bits == 8 && !kOffsetInDotQ8);

  static TRIVET_INLINE Ints weights(const uint8_t* unit, int panel, int step, Ints mask4,
                                    Ints mask5) {
    const uint8_t* vectors = unit + panel * kVectorBytes;
    if constexpr (Bits == 8) {
      return load_i(vectors + 64 * step);
    } else {
      const Ints low = nibbles(vectors, step, mask4);
      if constexpr (Bits == 4) {
        return low;
      } else {
        return merge_bits(fifth_bit_at(load_i(unit + 512 + 64 * panel), step), mask5, low);
      }
    }
  }
  static TRIVET_INLINE Ints dot(Ints c, Ints w, Ints a) {
    if constexpr (Bits == 8) {
      return dot_q8(c, w, a);
    } else {
      return dot_u8(c, w, a);
    }
  }
  static TRIVET_INLINE Ints initial(const int32_t* negative_sum) {
    if constexpr (kNoOffset) {
      return zero_i();
    } else {
      return shl32<Shift>(broadcast(negative_sum));
    }
  }
};

template <class Format, int Rows, int Panels>
TRIVET_INLINE void tile_per_32(const uint8_t* w, const int32_t* a, int units, float* c,
                               const char* prefetch, int lines, int first_panel) {
  const Ints mask4 = set_i(0x0F0F0F0F), mask5 = set_i(0x10101010);
  Floats f[Rows][Panels];
  TRIVET_UNROLL for (int m = 0; m < Rows; ++m) {
    TRIVET_UNROLL for (int p = 0; p < Panels; ++p) f[m][p] =
        load_f(c + 32 * m + 16 * (first_panel + p));
  }
  for (int u = 0; u < units; ++u) {
    for (int i = 0; i < lines; ++i) _mm_prefetch(prefetch + 64 * i, _MM_HINT_T0);
    prefetch += 64 * lines;
    Ints d[Rows][Panels];
    TRIVET_UNROLL for (int m = 0; m < Rows; ++m) {
      const Ints initial = Format::initial(a + 8 * Rows + m);
      TRIVET_UNROLL for (int p = 0; p < Panels; ++p) d[m][p] = initial;
    }
    TRIVET_UNROLL for (int s = 0; s < 8; ++s) {
      Ints b[Panels];
      TRIVET_UNROLL for (int p = 0; p < Panels; ++p) {
        b[p] = Format::weights(w, first_panel + p, s, mask4, mask5);
      }
      TRIVET_UNROLL for (int m = 0; m < Rows; ++m) {
        const Ints x = broadcast(a + s * Rows + m);
        TRIVET_UNROLL for (int p = 0; p < Panels; ++p) d[m][p] = Format::dot(d[m][p], b[p], x);
      }
    }
    const float* af = reinterpret_cast<const float*>(a);
    TRIVET_UNROLL for (int p = 0; p < Panels; ++p) {
      const Floats scale = load_half(
          reinterpret_cast<const uint16_t*>(w + Format::kScales + 32 * (first_panel + p)));
      TRIVET_UNROLL for (int m = 0; m < Rows; ++m) {
        f[m][p] = fma(to_float(d[m][p]), mul(scale, set_f(af[9 * Rows + m])), f[m][p]);
      }
      if constexpr (Format::kMinima) {
        const Floats minimum = load_half(
            reinterpret_cast<const uint16_t*>(w + Format::kMinimaOffset + 32 * (first_panel + p)));
        TRIVET_UNROLL for (int m = 0; m < Rows; ++m) {
          f[m][p] = fma(minimum, set_f(af[10 * Rows + m]), f[m][p]);
        }
      }
    }
    w += Format::kUnitBytes;
    a += 11 * Rows;
  }
  TRIVET_UNROLL for (int m = 0; m < Rows; ++m) {
    TRIVET_UNROLL for (int p = 0; p < Panels; ++p)
        store_f(c + 32 * m + 16 * (first_panel + p), f[m][p]);
  }
}

// ---------------------------------------------------------------- weights per 256 columns

// Q4_K and Q5_K: integer sum over eight groups of (scale * dot), minima as a second integer dot,
// then c = fma(sum * d - minima * dmin, activation scale, c).
template <int Bits>
struct Super256 {
  static constexpr int kPlanes = 4096;
  static constexpr int kScales = kPlanes + (Bits == 5 ? 1024 : 0);
  static constexpr int kMinima = kScales + 256;
  static constexpr int kD = kMinima + 256;
  static constexpr int kUnitBytes = kD + 128;

  static TRIVET_INLINE Ints weights(const uint8_t* unit, int pair, int panel, int half, int step,
                                    Ints mask4, Ints mask5) {
    const Ints x = load_i(unit + 1024 * pair + 512 * panel + 64 * step);
    const Ints low = and_i(half ? shr16<4>(x) : x, mask4);
    if constexpr (Bits == 4) {
      return low;
    } else {
      const Ints plane = load_i(unit + kPlanes + 256 * pair + 128 * panel + 64 * half);
      return merge_bits(fifth_bit_at(plane, step), mask5, low);
    }
  }
};

template <class Format, int Rows, int Panels>
TRIVET_INLINE void tile_q45_k(const uint8_t* w, const int32_t* a, int units, float* c,
                              const char* prefetch, int lines, int first_panel) {
  const Ints mask4 = set_i(0x0F0F0F0F), mask5 = set_i(0x10101010);
  for (int u = 0; u < units; ++u) {
    Ints sum[Rows][Panels];
    TRIVET_UNROLL for (int m = 0; m < Rows; ++m) {
      TRIVET_UNROLL for (int p = 0; p < Panels; ++p) sum[m][p] = zero_i();
    }
    for (int g = 0; g < 4; ++g) {
      for (int i = 0; i < lines; ++i) _mm_prefetch(prefetch + 64 * i, _MM_HINT_T0);
      prefetch += 64 * lines;
      TRIVET_UNROLL for (int half = 0; half < 2; ++half) {
        Ints d[Rows][Panels];
        TRIVET_UNROLL for (int m = 0; m < Rows; ++m) {
          TRIVET_UNROLL for (int p = 0; p < Panels; ++p) d[m][p] = zero_i();
        }
        TRIVET_UNROLL for (int s = 0; s < 8; ++s) {
          Ints b[Panels];
          TRIVET_UNROLL for (int p = 0; p < Panels; ++p) {
            b[p] = Format::weights(w, g, first_panel + p, half, s, mask4, mask5);
          }
          TRIVET_UNROLL for (int m = 0; m < Rows; ++m) {
            const Ints x = broadcast(a + (16 * g + 8 * half + s) * Rows + m);
            TRIVET_UNROLL for (int p = 0; p < Panels; ++p) d[m][p] = dot_u8(d[m][p], b[p], x);
          }
        }
        TRIVET_UNROLL for (int p = 0; p < Panels; ++p) {
          const Ints pair = widen_u8(w + Format::kScales + 64 * g + 32 * (first_panel + p));
          const Ints scale = half ? and_i(pair, set_i(0xFFFF)) : shr32<16>(pair);
          TRIVET_UNROLL for (int m = 0; m < Rows; ++m) {
            sum[m][p] = add_i(sum[m][p], mul_i(d[m][p], scale));
          }
        }
      }
    }
    const float* af = reinterpret_cast<const float*>(a);
    TRIVET_UNROLL for (int p = 0; p < Panels; ++p) {
      const uint8_t* side = w + 32 * (first_panel + p);
      const Floats d = load_half(reinterpret_cast<const uint16_t*>(side + Format::kD));
      const Floats dmin = load_half(reinterpret_cast<const uint16_t*>(side + Format::kD + 64));
      TRIVET_UNROLL for (int m = 0; m < Rows; ++m) {
        Ints minima = zero_i();
        TRIVET_UNROLL for (int g = 0; g < 4; ++g) {
          minima = dot_i16(minima, widen_u8(side + Format::kMinima + 64 * g),
                           broadcast(a + (64 + g) * Rows + m));
        }
        float* out = c + 32 * m + 16 * (first_panel + p);
        const Floats value = fnma(to_float(minima), dmin, mul(to_float(sum[m][p]), d));
        store_f(out, fma(value, set_f(af[84 * Rows + m]), load_f(out)));
      }
    }
    w += Format::kUnitBytes;
    a += 85 * Rows;
  }
}

TRIVET_INLINE Ints two_bits_at(Ints plane, int step) {
  switch (step) {
    case 0:
      return shl16<4>(plane);
    case 1:
      return shl16<2>(plane);
    case 2:
      return plane;
    default:
      return shr16<2>(plane);
  }
}

template <int Rows, int Panels>
TRIVET_INLINE void tile_q6_k(const uint8_t* w, const int32_t* a, int units, float* c,
                             const char* prefetch, int lines, int first_panel) {
  constexpr int kPlanes = 4096, kScales = kPlanes + 2048, kD = kScales + 512, kUnitBytes = kD + 64;
  const Ints mask4 = set_i(0x0F0F0F0F), mask6 = set_i(0x30303030);
  for (int u = 0; u < units; ++u) {
    Ints sum[Rows][Panels];
    TRIVET_UNROLL for (int m = 0; m < Rows; ++m) {
      TRIVET_UNROLL for (int p = 0; p < Panels; ++p) sum[m][p] = zero_i();
    }
    for (int g = 0; g < 8; ++g) {
      for (int i = 0; i < lines; ++i) _mm_prefetch(prefetch + 64 * i, _MM_HINT_T0);
      prefetch += 64 * lines;
      TRIVET_UNROLL for (int half = 0; half < 2; ++half) {
        Ints d[Rows][Panels];
        TRIVET_UNROLL for (int m = 0; m < Rows; ++m) {
          const Ints initial = broadcast(a + (68 + 2 * g + half) * Rows + m);
          TRIVET_UNROLL for (int p = 0; p < Panels; ++p) d[m][p] = initial;
        }
        TRIVET_UNROLL for (int s = 0; s < 4; ++s) {
          Ints b[Panels];
          TRIVET_UNROLL for (int p = 0; p < Panels; ++p) {
            const Ints x = load_i(w + 512 * g + 256 * (first_panel + p) + 64 * s);
            const Ints plane = load_i(w + kPlanes + 256 * g + 128 * (first_panel + p) + 64 * half);
            b[p] = merge_bits(two_bits_at(plane, s), mask6, and_i(half ? shr16<4>(x) : x, mask4));
          }
          TRIVET_UNROLL for (int m = 0; m < Rows; ++m) {
            const Ints x = broadcast(a + (8 * g + 4 * half + s) * Rows + m);
            TRIVET_UNROLL for (int p = 0; p < Panels; ++p) d[m][p] = dot_u8(d[m][p], b[p], x);
          }
        }
        TRIVET_UNROLL for (int p = 0; p < Panels; ++p) {
          const Ints pair = widen_s8(w + kScales + 64 * g + 32 * (first_panel + p));
          const Ints scale = half ? sar32<16>(shl32<16>(pair)) : sar32<16>(pair);
          TRIVET_UNROLL for (int m = 0; m < Rows; ++m) {
            sum[m][p] = add_i(sum[m][p], mul_i(d[m][p], scale));
          }
        }
      }
    }
    const float* af = reinterpret_cast<const float*>(a);
    TRIVET_UNROLL for (int p = 0; p < Panels; ++p) {
      const Floats d =
          load_half(reinterpret_cast<const uint16_t*>(w + kD + 32 * (first_panel + p)));
      TRIVET_UNROLL for (int m = 0; m < Rows; ++m) {
        float* out = c + 32 * m + 16 * (first_panel + p);
        const Floats value = mul(to_float(sum[m][p]), d);
        store_f(out, fma(value, set_f(af[84 * Rows + m]), load_f(out)));
      }
    }
    w += kUnitBytes;
    a += 85 * Rows;
  }
}

// ---------------------------------------------------------------- float weights

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

// ---------------------------------------------------------------- entry points

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
TRIVET_TILE(tile_q5_1, (tile_per_32<Group32<5, 0>, Rows, kTilePanels>))
TRIVET_TILE(tile_q8_0, (tile_per_32<Group32<8, 7>, Rows, kTilePanels>))
TRIVET_TILE(tile_q4_k, (tile_q45_k<Super256<4>, Rows, kTilePanels>))
TRIVET_TILE(tile_q5_k, (tile_q45_k<Super256<5>, Rows, kTilePanels>))
TRIVET_TILE(tile_q6_k_rows, (tile_q6_k<Rows, kTilePanels>))
TRIVET_TILE(tile_f32, (tile_float<WeightF32, Rows, kTilePanels>))
TRIVET_TILE(tile_f16, (tile_float<WeightF16, Rows, kTilePanels>))
TRIVET_TILE(tile_bf16, (tile_float<WeightBF16, Rows, kTilePanels>))
#undef TRIVET_TILE

template <int Rows>
void fill_tiles(KernelTable& table) {
  TileKernel(&tiles)[kPackedFormats][kMaxTileRows + 1] = table.tiles;
  tiles[static_cast<int>(PackedFormat::kQ4_0)][Rows] = tile_q4_0<Rows>;
  tiles[static_cast<int>(PackedFormat::kQ4_1)][Rows] = tile_q4_1<Rows>;
  tiles[static_cast<int>(PackedFormat::kQ5_0)][Rows] = tile_q5_0<Rows>;
  tiles[static_cast<int>(PackedFormat::kQ5_1)][Rows] = tile_q5_1<Rows>;
  tiles[static_cast<int>(PackedFormat::kQ8_0)][Rows] = tile_q8_0<Rows>;
  tiles[static_cast<int>(PackedFormat::kQ4_K)][Rows] = tile_q4_k<Rows>;
  tiles[static_cast<int>(PackedFormat::kQ5_K)][Rows] = tile_q5_k<Rows>;
  tiles[static_cast<int>(PackedFormat::kQ6_K)][Rows] = tile_q6_k_rows<Rows>;
  tiles[static_cast<int>(PackedFormat::kF32)][Rows] = tile_f32<Rows>;
  tiles[static_cast<int>(PackedFormat::kF16)][Rows] = tile_f16<Rows>;
  tiles[static_cast<int>(PackedFormat::kBF16)][Rows] = tile_bf16<Rows>;
  if constexpr (Rows > 1) fill_tiles<Rows - 1>(table);
}
