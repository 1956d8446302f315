// AVX-512 with BF16. The bf16 dot product rounds activations to bf16, so matrix products of bf16
// weights keep the float32 kernels of the level below; attention over a bf16 cache uses it.
#include <immintrin.h>
#include <stdint.h>
#include <string.h>

#include "kernels/inlining.h"
#include "kernels/kernels.h"
#include "trivet/backend.h"

#define TRIVET_BF16_DOT

namespace trivet::cpu {
namespace {
namespace avx512_bf16 {

// clang-format off: each builds on the ones before
#include "kernels/simd_avx512.h"
#include "kernels/math.h"
#include "kernels/attention_tile.h"
#include "kernels/attention_softmax.h"
#include "kernels/attention_f16.h"
#include "kernels/attention_bf16.h"
#include "kernels/attention_int8.h"
#include "kernels/attention.h"
// clang-format on

double spin_bf16(int64_t iterations) {
  constexpr int kChains = 16;
  __m512 c[kChains];
#pragma GCC unroll 16
  for (int j = 0; j < kChains; ++j) c[j] = _mm512_set1_ps(static_cast<float>(j));
  const __m512i w = _mm512_set1_epi32(0x3C013C02);
  for (int64_t i = 0; i < iterations; ++i) {
#pragma GCC unroll 16
    for (int j = 0; j < kChains; ++j) asm volatile("vdpbf16ps %1, %1, %0" : "+v"(c[j]) : "v"(w));
  }
  return static_cast<double>(iterations) * kChains * 64;
}

KernelTable make_table() {
  KernelTable table = avx512_vnni_kernels();
  table.name = "avx512-bf16";
  table.spin_bf16 = spin_bf16;
  fill_attention(table);
  table.default_kv = kKvBf16;
  return table;
}

}  // namespace avx512_bf16
}  // namespace

const KernelTable& avx512_bf16_kernels() {
  static const KernelTable table = avx512_bf16::make_table();
  return table;
}

}  // namespace trivet::cpu
