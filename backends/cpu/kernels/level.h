// All kernels of one level. A level_*.cpp defines TRIVET_LEVEL (its namespace), TRIVET_LEVEL_SIMD
// (its simd_*.h), TRIVET_LEVEL_NAME and TRIVET_LEVEL_TABLE (the function that returns its table),
// and includes this file. Everything but that function has internal linkage, and no inline function
// of the standard library is used: code compiled for one level must never be linked into another.
#include <immintrin.h>
#include <stdint.h>
#include <string.h>

#include "kernels/inlining.h"
#include "kernels/kernels.h"
#include "trivet/backend.h"

namespace trivet::cpu {
namespace {
namespace TRIVET_LEVEL {

#include TRIVET_LEVEL_SIMD

constexpr int kSpinChains = TRIVET_SPIN_CHAINS;

// clang-format off: each builds on the ones before
#include "kernels/math.h"
#include "kernels/tiles32.h"
#include "kernels/tiles256.h"
#include "kernels/tiles_float.h"
#include "kernels/tiles.h"
#include "kernels/rows.h"
#include "kernels/attention_tile.h"
#include "kernels/attention_softmax.h"
#include "kernels/attention_f16.h"
#include "kernels/attention_bf16.h"
#include "kernels/attention_int8.h"
#include "kernels/attention.h"
#include "kernels/spin.h"
// clang-format on

KernelTable make_table() {
  KernelTable t = {};
  t.name = TRIVET_LEVEL_NAME;
  t.tile_rows = kTileRows;
  fill_tiles<kTileRows>(t);
  fill_widening(t);
  t.quantize_row = quantize_activation_row;
  t.quantization_remainder = quantization_remainder;
  t.rms_norm = rms_norm_row;
  t.rope = rope_head;
  t.gated = gated_values;
  t.finish_tile_rows = finish_rows;
  t.add = add_values;
  t.scale = scale_values;
  t.softcap = softcap_values;
  fill_attention(t);
  t.spin_int8 = spin_int8;
  t.spin_bf16 = spin_f32;
  t.spin_f32 = spin_f32;
  return t;
}

}  // namespace TRIVET_LEVEL
}  // namespace

const KernelTable& TRIVET_LEVEL_TABLE() {
  static const KernelTable table = TRIVET_LEVEL::make_table();
  return table;
}

}  // namespace trivet::cpu
