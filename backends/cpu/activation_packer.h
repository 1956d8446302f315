// Rows of floats to the packed activations that the tiles of a linear operation take.
#ifndef TRIVET_BACKENDS_CPU_ACTIVATION_PACKER_H_
#define TRIVET_BACKENDS_CPU_ACTIVATION_PACKER_H_

#include <array>
#include <cstdint>

#include "device.h"
#include "kernels/kernels.h"

namespace trivet::cpu {

// One block of packed rows, and its tiles; see packed_format.h.
struct RowBlock {
  int begin;  // packed row
  int rows;
  int tiles;

  int tile_begin(int t) const {
    return static_cast<int>(static_cast<unsigned>(rows * t) / static_cast<unsigned>(tiles));
  }
};

// How the rows of a step are cut.
struct RowBlocks {
  int rows;  // packed ones
  int tile_rows;
  int parts;  // packed rows of one activation row; they lie in one block
  int blocks;

  RowBlocks(int num_rows, int max_tile_rows, int parts_of_row)
      : rows(num_rows * parts_of_row),
        tile_rows(max_tile_rows),
        parts(parts_of_row),
        blocks(static_cast<int>(ceil_div(rows, kActivationBlockRows))) {}
  RowBlock block(int b) const {
    const int begin = block_begin(b), count = block_begin(b + 1) - begin;
    return {begin, count, static_cast<int>(ceil_div(count, tile_rows))};
  }
  bool one_tile() const { return rows <= tile_rows; }

 private:
  int block_begin(int b) const {
    return parts * static_cast<int>(int64_t{rows / parts} * b / blocks);
  }
};

// Areas of a workspace begin at multiples of 128 bytes.
inline uint64_t area_aligned(uint64_t bytes) { return (bytes + 127) / 128 * 128; }

// Packed activations in some memory.
struct PackedActivations {
  std::array<int32_t*, kActivationKinds> kinds;
  uint32_t* narrow;  // [rows] formats whose narrow tiles a row may take
};

// Normalises (where asked to) and packs. Holds no memory of its own.
class ActivationPacker {
 public:
  ActivationPacker() = default;
  // `used`: which kinds the weights take. norm_weight may be null. With 2 parts, every second
  // packed row holds what rounding the row before it lost.
  ActivationPacker(const KernelTable& kernels, int64_t columns,
                   std::array<bool, kActivationKinds> used, const float* norm_weight,
                   float norm_eps)
      : kernels_(&kernels),
        columns_(columns),
        used_(used),
        norm_weight_(norm_weight),
        norm_eps_(norm_eps) {}

  // Memory for `rows` rows, and its parts.
  uint64_t bytes(int64_t rows) const;
  PackedActivations area(void* memory, int64_t rows) const;
  // Floats of scratch that packing takes.
  int64_t scratch_floats() const { return 2 * ceil_div(columns_, 32) * 32; }
  // Where a kind's block begins.
  const int32_t* block(const PackedActivations& area, ActivationKind kind,
                       const RowBlock& block) const;

  // `parts` as in RowBlocks.
  void pack_tile(const float* x, int parts, const RowBlock& block, int tile, float* scratch,
                 const PackedActivations& out) const;
  // All rows, on the pool. scratch_of(thread) gives scratch_floats().
  template <class ScratchOf>
  void pack_all(ThreadPool& pool, const float* x, const RowBlocks& blocks, ScratchOf scratch_of,
                const PackedActivations& out) const {
    const bool one_tile = blocks.one_tile();
    for (int b = 0; b < blocks.blocks; ++b) {
      const RowBlock block = blocks.block(b);
      const int units = one_tile ? block.rows : block.tiles;
      pool.for_units(units, 1, [&](int thread, int64_t begin, int64_t end) {
        for (int u = static_cast<int>(begin); u < end; ++u) {
          if (one_tile) {
            pack_row(x, blocks.parts, block, 0, u, scratch_of(thread), out);
          } else {
            pack_tile(x, blocks.parts, block, u, scratch_of(thread), out);
          }
        }
      });
    }
  }

 private:
  uint64_t kind_bytes(ActivationKind kind, int64_t rows) const;
  void pack_row(const float* x, int parts, const RowBlock& block, int tile, int row, float* scratch,
                const PackedActivations& out) const;

  const KernelTable* kernels_ = nullptr;
  int64_t columns_ = 0;
  std::array<bool, kActivationKinds> used_{};
  const float* norm_weight_ = nullptr;
  float norm_eps_ = 0;
};

}  // namespace trivet::cpu

#endif  // TRIVET_BACKENDS_CPU_ACTIVATION_PACKER_H_
