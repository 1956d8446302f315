#include "sampling/logit_scan.h"

#include <algorithm>
#include <cstring>
#include <tuple>

namespace trivet {
namespace {

constexpr size_t kBlock = 16;  // logits per loop turn: a vector

// Compiled for several widths of registers, chosen at start. Lanes are independent, so the bits are
// the same. Sanitizers cannot look into how it is chosen.
#if defined(__x86_64__) && !defined(TRIVET_SANITIZED)
#define TRIVET_ANY_WIDTH __attribute__((target_clones("arch=x86-64-v4", "avx2", "default")))
#else
#define TRIVET_ANY_WIDTH
#endif
#define TRIVET_INLINE_LAMBDA __attribute__((always_inline))

[[gnu::always_inline]] inline void load_block(const float* from, Float16& x) {
  std::memcpy(&x, from, sizeof(x));
}

// The last, incomplete block, filled up with kMasked.
[[gnu::always_inline]] inline void load_tail(const float* from, size_t count, Float16& x) {
  float padded[kBlock];
  for (size_t i = 0; i < kBlock; ++i) padded[i] = i < count ? from[i] : kMasked;
  load_block(padded, x);
}

// Calls step(block, begin, count) for every block in order.
template <class Step>
[[gnu::always_inline]] inline void for_each_block(const float* x, size_t n, Step step) {
  Float16 block;
  size_t i = 0;
  for (; i + kBlock <= n; i += kBlock) {
    load_block(x + i, block);
    step(block, i, kBlock);
  }
  if (i == n) return;
  load_tail(x + i, n - i, block);
  step(block, i, n - i);
}

// In pairs, four lanes at a time.
[[gnu::always_inline]] inline float add_lanes(const Float16& x) {
  float four[4];
  for (int i = 0; i < 4; ++i) four[i] = (x[i] + x[i + 4]) + (x[i + 8] + x[i + 12]);
  return (four[0] + four[1]) + (four[2] + four[3]);
}

// Sum of exp((x - max) * scale) over a chunk; the terms go to `weights` unless it is null.
TRIVET_ANY_WIDTH double sum_chunk(const float* x, size_t n, float max, float scale,
                                  float* weights) {
  Float16 sums = {};
  auto add = [&](const Float16& block, size_t begin, size_t count) TRIVET_INLINE_LAMBDA {
    Float16 terms;
    exp_lanes<Float16, Int16>((block - max) * scale, terms);
    sums += terms;
    if (weights) std::memcpy(weights + begin, &terms, count * sizeof(float));
  };
  for_each_block(x, n, add);
  return add_lanes(sums);
}

TRIVET_ANY_WIDTH float largest_of(const float* x, size_t n) {
  Float16 best = Float16{} + kMasked;
  auto raise = [&](const Float16& block, size_t, size_t)
                   TRIVET_INLINE_LAMBDA { best = block > best ? block : best; };
  for_each_block(x, n, raise);
  float max = kMasked;
  for (size_t lane = 0; lane < kBlock; ++lane) max = std::max(max, best[lane]);
  return max;
}

TRIVET_ANY_WIDTH size_t count_over(const float* x, size_t n, float bar) {
  Int16 counts = {};  // a comparison gives -1 where it holds
  auto add = [&](const Float16& block, size_t, size_t)
                 TRIVET_INLINE_LAMBDA { counts -= block > Float16{} + bar; };
  for_each_block(x, n, add);
  size_t total = 0;
  for (size_t lane = 0; lane < kBlock; ++lane) total += static_cast<size_t>(counts[lane]);
  return total;
}

float raw_max(std::span<const float> logits) { return largest_of(logits.data(), logits.size()); }

}  // namespace

float find_max(std::span<const float> logits) {
  return std::min(raw_max(logits), std::numeric_limits<float>::max());
}

TokenId argmax(std::span<const float> logits) {
  float max = kMasked;
  size_t chunk = 0;
  for (size_t i = 0; i < logits.size(); i += kSumChunk) {
    const float of_chunk = largest_of(logits.data() + i, std::min(kSumChunk, logits.size() - i));
    if (of_chunk > max) std::tie(max, chunk) = std::tie(of_chunk, i);
  }
  if (max == kMasked) return 0;
  return static_cast<TokenId>(std::find(logits.begin() + chunk, logits.end(), max) -
                              logits.begin());
}

double sum_exp(std::span<const float> logits, float max, float scale) {
  double total = 0;
  for (size_t i = 0; i < logits.size(); i += kSumChunk) {
    const size_t count = std::min(kSumChunk, logits.size() - i);
    total += sum_chunk(logits.data() + i, count, max, scale, nullptr);
  }
  return total;
}

double replace_by_exp(std::span<float> logits, float max, float scale,
                      std::vector<double>& chunk_sums) {
  chunk_sums.clear();
  double total = 0;
  for (size_t i = 0; i < logits.size(); i += kSumChunk) {
    const size_t count = std::min(kSumChunk, logits.size() - i);
    float* chunk = logits.data() + i;
    chunk_sums.push_back(sum_chunk(chunk, count, max, scale, chunk));
    total += chunk_sums.back();
  }
  return total;
}

size_t count_above(std::span<const float> logits, float logit) {
  return count_over(logits.data(), logits.size(), logit);
}

}  // namespace trivet
