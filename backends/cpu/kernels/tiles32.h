// Tiles of weights with a scale per 32 columns; see tiles.h.

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

// Bits: of the integers. Shift: zero point = 1 << Shift, 0 = a minimum per group instead. Wide: one
// byte per integer, as widen_32() leaves them (weights of 8 bits always are).
template <int Bits, int Shift, bool Wide = Bits == 8>
struct Group32 {
  static constexpr int kVectorBytes = Wide ? 512 : 256;
  static constexpr int kScales = 2 * kVectorBytes + (Bits == 5 && !Wide ? 128 : 0);
  static constexpr bool kMinima = Shift == 0;
  static constexpr int kMinimaOffset = kScales + 64;
  static constexpr int kUnitBytes = kScales + 64 + (kMinima ? 64 : 0);
  static constexpr int kSumField = Shift == 3   ? 0
                                   : Shift == 4 ? 1
                                                : 2;  // of -8, -16, -128 times the sum
  static constexpr bool kNoOffset = Shift == 0 || (Bits == 8 && !kOffsetInDotQ8);

  static TRIVET_INLINE Ints weights(const uint8_t* unit, int panel, int step, Ints mask4,
                                    Ints mask5) {
    const uint8_t* vectors = unit + panel * kVectorBytes;
    if constexpr (Wide) {
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
  static TRIVET_INLINE Ints initial(const int32_t* sums, int rows) {
    if constexpr (kNoOffset) {
      return zero_i();
    } else {
      return broadcast(sums + kSumField * rows);
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
      const Ints initial = Format::initial(a + 8 * Rows + m, Rows);
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
    Floats scale[Panels], minimum[Panels];
    TRIVET_UNROLL for (int p = 0; p < Panels; ++p) {
      scale[p] = load_half(
          reinterpret_cast<const uint16_t*>(w + Format::kScales + 32 * (first_panel + p)));
    }
    TRIVET_UNROLL for (int m = 0; m < Rows; ++m) {
      const Floats x = set_f(af[11 * Rows + m]);
      TRIVET_UNROLL for (int p = 0; p < Panels; ++p) {
        f[m][p] = fma(to_float(d[m][p]), mul(scale[p], x), f[m][p]);
      }
    }
    if constexpr (Format::kMinima) {
      TRIVET_UNROLL for (int p = 0; p < Panels; ++p) {
        minimum[p] = load_half(
            reinterpret_cast<const uint16_t*>(w + Format::kMinimaOffset + 32 * (first_panel + p)));
      }
      TRIVET_UNROLL for (int m = 0; m < Rows; ++m) {
        const Floats x = set_f(af[12 * Rows + m]);
        TRIVET_UNROLL for (int p = 0; p < Panels; ++p) f[m][p] = fma(minimum[p], x, f[m][p]);
      }
    }
    w += Format::kUnitBytes;
    a += 13 * Rows;
  }
  TRIVET_UNROLL for (int m = 0; m < Rows; ++m) {
    TRIVET_UNROLL for (int p = 0; p < Panels; ++p)
        store_f(c + 32 * m + 16 * (first_panel + p), f[m][p]);
  }
}

// Bits of a packed unit to one byte each, the side data as they are: what the Wide tiles read.
template <class Packed, class Wide>
void widen_32(const uint8_t* w, int units, uint8_t* out) {
  const Ints mask4 = set_i(0x0F0F0F0F), mask5 = set_i(0x10101010);
  for (int u = 0; u < units; ++u) {
    for (int p = 0; p < 2; ++p) {
      TRIVET_UNROLL for (int s = 0; s < 8; ++s) {
        store_i(out + 512 * p + 64 * s, Packed::weights(w, p, s, mask4, mask5));
      }
    }
    for (int i = 0; i < Packed::kUnitBytes - Packed::kScales; i += 64) {
      store_i(out + Wide::kScales + i, load_i(w + Packed::kScales + i));
    }
    w += Packed::kUnitBytes;
    out += Wide::kUnitBytes;
  }
}
