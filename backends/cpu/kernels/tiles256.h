// Tiles of the K types, with a float scale per 256 columns and small integer scales per group; see
// tiles.h. The integer sum over all groups, of scale * dot, is exact. Two groups are a pair.

// The compiler may not carry c over from one unit to the next in registers, which the sums need.
TRIVET_INLINE void keep_in_memory(float*& c) { asm volatile("" : "+r"(c) : : "memory"); }

// Q4_K and Q5_K: pairs of groups of 32, a second integer sum for the minima.
template <int Bits, bool Wide = false>
struct Super45 {
  static constexpr int kPairs = 4;
  static constexpr int kSteps = 8;  // of 4 columns, in a group
  static constexpr bool kMinimum = true;
  static constexpr int kCodes = kField256PairCodes;
  static constexpr int kPlanes = Wide ? 8192 : 4096;
  static constexpr int kScales = kPlanes + (Bits == 5 && !Wide ? 1024 : 0);
  static constexpr int kMinima = kScales + 256;
  static constexpr int kD = kMinima + 256;
  static constexpr int kUnitBytes = kD + 128;

  static TRIVET_INLINE Ints weights(const uint8_t* unit, int pair, int panel, int half, int step,
                                    Ints mask4, Ints mask5) {
    if constexpr (Wide) {
      return load_i(unit + 2048 * pair + 1024 * panel + 512 * half + 64 * step);
    } else {
      const Ints x = load_i(unit + 1024 * pair + 512 * panel + 64 * step);
      const Ints low = and_i(half ? shr16<4>(x) : x, mask4);
      if constexpr (Bits == 4) {
        return low;
      } else {
        const Ints plane = load_i(unit + kPlanes + 256 * pair + 128 * panel + 64 * half);
        return merge_bits(fifth_bit_at(plane, step), mask5, low);
      }
    }
  }
  static TRIVET_INLINE Ints mask() { return set_i(0x10101010); }
  static TRIVET_INLINE Ints scales(const uint8_t* p) { return widen_u8(p); }
  static TRIVET_INLINE Ints initial(const int32_t*, int, int) { return zero_i(); }
};

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

// Q6_K: pairs of groups of 16, zero point 32.
template <bool Wide = false>
struct Super6 {
  static constexpr int kPairs = 8;
  static constexpr int kSteps = 4;
  static constexpr bool kMinimum = false;
  static constexpr int kCodes = kField256Codes;
  static constexpr int kPlanes = 4096;
  static constexpr int kScales = Wide ? 8192 : kPlanes + 2048;
  static constexpr int kMinima = 0;
  static constexpr int kD = kScales + 512;
  static constexpr int kUnitBytes = kD + 64;

  static TRIVET_INLINE Ints weights(const uint8_t* unit, int pair, int panel, int half, int step,
                                    Ints mask4, Ints mask6) {
    if constexpr (Wide) {
      return load_i(unit + 1024 * pair + 512 * panel + 256 * half + 64 * step);
    } else {
      const Ints x = load_i(unit + 512 * pair + 256 * panel + 64 * step);
      const Ints plane = load_i(unit + kPlanes + 256 * pair + 128 * panel + 64 * half);
      return merge_bits(two_bits_at(plane, step), mask6, and_i(half ? shr16<4>(x) : x, mask4));
    }
  }
  static TRIVET_INLINE Ints mask() { return set_i(0x30303030); }
  static TRIVET_INLINE Ints scales(const uint8_t* p) { return widen_s8(p); }
  static TRIVET_INLINE Ints initial(const int32_t* a, int rows, int group) {
    return broadcast(a + (kField256Offsets + group) * rows);
  }
};

// d += the dots of one group.
template <class Format, int Rows, int Panels>
TRIVET_INLINE void dot_group(const uint8_t* w, const int32_t* a, int pair, int half,
                             int first_panel, Ints mask4, Ints mask_high, Ints (&d)[Rows][Panels]) {
  TRIVET_UNROLL for (int s = 0; s < Format::kSteps; ++s) {
    Ints b[Panels];
    TRIVET_UNROLL for (int p = 0; p < Panels; ++p) {
      b[p] = Format::weights(w, pair, first_panel + p, half, s, mask4, mask_high);
    }
    TRIVET_UNROLL for (int m = 0; m < Rows; ++m) {
      const Ints x = broadcast(a + ((2 * pair + half) * Format::kSteps + s) * Rows + m);
      TRIVET_UNROLL for (int p = 0; p < Panels; ++p) d[m][p] = dot_u8(d[m][p], b[p], x);
    }
  }
}

// sum += scale * 2^w * dot of both groups of a pair, each by a 32-bit multiplication.
template <class Format, int Rows, int Panels>
TRIVET_INLINE void add_pair(const uint8_t* w, const int32_t* a, int pair, int first_panel,
                            Ints mask4, Ints mask_high, Ints (&sum)[Rows][Panels]) {
  TRIVET_UNROLL for (int half = 0; half < 2; ++half) {
    Ints d[Rows][Panels];
    TRIVET_UNROLL for (int m = 0; m < Rows; ++m) {
      const Ints initial = Format::initial(a + m, Rows, 2 * pair + half);
      TRIVET_UNROLL for (int p = 0; p < Panels; ++p) d[m][p] = initial;
    }
    dot_group<Format>(w, a, pair, half, first_panel, mask4, mask_high, d);
    TRIVET_UNROLL for (int p = 0; p < Panels; ++p) {
      const Ints both = Format::scales(w + Format::kScales + 64 * pair + 32 * (first_panel + p));
      TRIVET_UNROLL for (int m = 0; m < Rows; ++m) {
        const Ints scales = scale_by_code(both, broadcast(a + (Format::kCodes + pair) * Rows + m));
        const Ints scale = sar32<16>(half ? shl32<16>(scales) : scales);
        sum[m][p] = add_i(sum[m][p], mul_i(d[m][p], scale));
      }
    }
  }
}

// The same where every group's dot fits 16 bits: the first is moved to the upper half, the second
// is summed on top of it with an offset of 2^15 that keeps it from borrowing, and one 16-bit dot
// product multiplies both by their scales.
template <class Format, int Rows, int Panels>
TRIVET_INLINE void add_narrow_pair(const uint8_t* w, const int32_t* a, int pair, int first_panel,
                                   Ints mask4, Ints mask_high, Ints offset,
                                   Ints (&sum)[Rows][Panels]) {
  Ints d[Rows][Panels];
  TRIVET_UNROLL for (int m = 0; m < Rows; ++m) {
    const Ints initial = Format::initial(a + m, Rows, 2 * pair);
    TRIVET_UNROLL for (int p = 0; p < Panels; ++p) d[m][p] = initial;
  }
  dot_group<Format>(w, a, pair, 0, first_panel, mask4, mask_high, d);
  TRIVET_UNROLL for (int m = 0; m < Rows; ++m) {
    const Ints initial = add_i(Format::initial(a + m, Rows, 2 * pair + 1), offset);
    TRIVET_UNROLL for (int p = 0; p < Panels; ++p) d[m][p] = add_i(shl32<16>(d[m][p]), initial);
  }
  dot_group<Format>(w, a, pair, 1, first_panel, mask4, mask_high, d);
  TRIVET_UNROLL for (int p = 0; p < Panels; ++p) {
    const Ints both = Format::scales(w + Format::kScales + 64 * pair + 32 * (first_panel + p));
    TRIVET_UNROLL for (int m = 0; m < Rows; ++m) {
      const Ints scales = scale_by_code(both, broadcast(a + (Format::kCodes + pair) * Rows + m));
      sum[m][p] = dot_i16(sum[m][p], xor_i(d[m][p], offset), scales);
    }
  }
}

// c = fma(sum * d - minima * dmin, activation scale, c)
template <class Format, int Rows, int Panels>
TRIVET_INLINE void finish_256(const uint8_t* w, const int32_t* a, int first_panel,
                              const Ints (&sum)[Rows][Panels], float* c) {
  const float* af = reinterpret_cast<const float*>(a);
  TRIVET_UNROLL for (int p = 0; p < Panels; ++p) {
    const uint8_t* side = w + 32 * (first_panel + p);
    const Floats d = load_half(reinterpret_cast<const uint16_t*>(side + Format::kD));
    Floats value[Rows];
    TRIVET_UNROLL for (int m = 0; m < Rows; ++m) value[m] = mul(to_float(sum[m][p]), d);
    if constexpr (Format::kMinimum) {
      const Floats dmin = load_half(reinterpret_cast<const uint16_t*>(side + Format::kD + 64));
      Ints minima[Rows];
      TRIVET_UNROLL for (int m = 0; m < Rows; ++m) minima[m] = zero_i();
      TRIVET_UNROLL for (int g = 0; g < 4; ++g) {
        const Ints pair = widen_u8(side + Format::kMinima + 64 * g);
        TRIVET_UNROLL for (int m = 0; m < Rows; ++m) {
          minima[m] = dot_i16(minima[m], pair, broadcast(a + (kField256Sums + g) * Rows + m));
        }
      }
      TRIVET_UNROLL for (int m = 0; m < Rows; ++m) {
        value[m] = fnma(to_float(minima[m]), dmin, value[m]);
      }
    }
    TRIVET_UNROLL for (int m = 0; m < Rows; ++m) {
      float* out = c + 32 * m + 16 * (first_panel + p);
      store_f(out, fma(value[m], set_f(af[kField256Scale * Rows + m]), load_f(out)));
    }
  }
}

template <class Format, bool Narrow, int Rows, int Panels>
TRIVET_INLINE void tile_per_256(const uint8_t* w, const int32_t* a, int units, float* c,
                                const char* prefetch, int lines, int first_panel) {
  const Ints mask4 = set_i(0x0F0F0F0F), mask_high = Format::mask(), offset = set_i(0x8000);
  for (int u = 0; u < units; ++u) {
    keep_in_memory(c);
    Ints sum[Rows][Panels];
    TRIVET_UNROLL for (int m = 0; m < Rows; ++m) {
      TRIVET_UNROLL for (int p = 0; p < Panels; ++p) sum[m][p] = zero_i();
    }
    for (int pair = 0; pair < Format::kPairs; ++pair) {
      for (int i = 0; i < lines; ++i) _mm_prefetch(prefetch + 64 * i, _MM_HINT_T0);
      prefetch += 64 * lines;
      if constexpr (Narrow) {
        add_narrow_pair<Format>(w, a, pair, first_panel, mask4, mask_high, offset, sum);
      } else {
        add_pair<Format>(w, a, pair, first_panel, mask4, mask_high, sum);
      }
    }
    finish_256<Format>(w, a, first_panel, sum, c);
    w += Format::kUnitBytes;
    a += layout_of(ActivationKind::kPer256).unit_dwords * Rows;
  }
}

// Bits of a packed unit to one byte each, the side data as they are: what the Wide tiles read.
template <class Packed, class Wide>
void widen_256(const uint8_t* w, int units, uint8_t* out) {
  const Ints mask4 = set_i(0x0F0F0F0F), mask_high = Packed::mask();
  for (int u = 0; u < units; ++u) {
    uint8_t* to = out;
    for (int pair = 0; pair < Packed::kPairs; ++pair) {
      for (int panel = 0; panel < 2; ++panel) {
        TRIVET_UNROLL for (int half = 0; half < 2; ++half) {
          TRIVET_UNROLL for (int s = 0; s < Packed::kSteps; ++s, to += 64) {
            store_i(to, Packed::weights(w, pair, panel, half, s, mask4, mask_high));
          }
        }
      }
    }
    for (int i = 0; i < Packed::kUnitBytes - Packed::kScales; i += 64) {
      store_i(to + i, load_i(w + Packed::kScales + i));
    }
    w += Packed::kUnitBytes;
    out += Wide::kUnitBytes;
  }
}
