#include "activation_packer.h"

namespace trivet::cpu {
uint64_t ActivationPacker::kind_bytes(ActivationKind kind, int64_t rows) const {
  const ActivationLayout& layout = layout_of(kind);
  return static_cast<uint64_t>(4 * rows * ceil_div(columns_, layout.unit_columns) *
                               layout.unit_dwords);
}

uint64_t ActivationPacker::bytes(int64_t rows) const {
  uint64_t total = area_aligned(sizeof(uint32_t) * static_cast<uint64_t>(rows));
  for (int k = 0; k < kActivationKinds; ++k) {
    if (used_[k]) total += area_aligned(kind_bytes(static_cast<ActivationKind>(k), rows));
  }
  return total;
}

PackedActivations ActivationPacker::area(void* memory, int64_t rows) const {
  uint8_t* at = static_cast<uint8_t*>(memory);
  PackedActivations area = {};
  area.narrow = reinterpret_cast<uint32_t*>(at);
  at += area_aligned(sizeof(uint32_t) * static_cast<uint64_t>(rows));
  for (int k = 0; k < kActivationKinds; ++k) {
    if (!used_[k]) continue;
    area.kinds[k] = reinterpret_cast<int32_t*>(at);
    at += area_aligned(kind_bytes(static_cast<ActivationKind>(k), rows));
  }
  return area;
}

const int32_t* ActivationPacker::block(const PackedActivations& area, ActivationKind kind,
                                       const RowBlock& block) const {
  return area.kinds[static_cast<int>(kind)] + kind_bytes(kind, block.begin) / 4;
}

void ActivationPacker::pack_row(const float* x, int parts, const RowBlock& block, int tile, int row,
                                float* scratch, const PackedActivations& out) const {
  const int packed_row = block.begin + row;
  const bool remainder = packed_row % parts != 0;
  const float* values = x + packed_row / parts * columns_;
  if (norm_weight_) {
    kernels_->rms_norm(values, norm_weight_, norm_eps_, nullptr, columns_, scratch);
    values = scratch;
  }
  const int begin = block.tile_begin(tile);
  uint32_t& narrow = out.narrow[packed_row];
  narrow = ~0u;
  for (int k = 0; k < kActivationKinds; ++k) {
    if (!used_[k]) continue;
    const ActivationKind kind = static_cast<ActivationKind>(k);
    const ActivationPlace place = {out.kinds[k] + kind_bytes(kind, block.begin) / 4, block.rows,
                                   begin, block.tile_begin(tile + 1) - begin, row - begin};
    const float* packed = values;
    if (remainder) {
      float* rest = scratch + scratch_floats() / 2;
      kernels_->quantization_remainder(kind, values, columns_, rest);
      packed = rest;
    }
    narrow &= kernels_->quantize_row(kind, packed, columns_, place);
  }
}

void ActivationPacker::pack_tile(const float* x, int parts, const RowBlock& block, int tile,
                                 float* scratch, const PackedActivations& out) const {
  for (int row = block.tile_begin(tile); row < block.tile_begin(tile + 1); ++row) {
    pack_row(x, parts, block, tile, row, scratch, out);
  }
}

}  // namespace trivet::cpu
