#include "sampling/logit_scan.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace trivet {
namespace {

constexpr size_t kBlock = 16;  // logits per loop turn: four vectors
using Block = std::array<Float4, 4>;

Block load_block(const float* from) {
  return {load4(from), load4(from + 4), load4(from + 8), load4(from + 12)};
}

// The last, incomplete block, filled up with kMasked.
Block load_tail(std::span<const float> tail) {
  float padded[kBlock];
  std::fill(padded, padded + kBlock, kMasked);
  std::copy(tail.begin(), tail.end(), padded);
  return load_block(padded);
}

// Calls step(block, begin) for every block in order.
template <class Step>
void for_each_block(std::span<const float> logits, Step step) {
  size_t i = 0;
  for (; i + kBlock <= logits.size(); i += kBlock) step(load_block(logits.data() + i), i);
  if (i < logits.size()) step(load_tail(logits.subspan(i)), i);
}

float add_lanes(const Block& lanes) {
  const Float4 four = (lanes[0] + lanes[1]) + (lanes[2] + lanes[3]);
  return (four[0] + four[1]) + (four[2] + four[3]);
}

Block exp_block(const Block& x, Float4 max, Float4 scale) {
  Block weights;
  for (int v = 0; v < 4; ++v) weights[v] = exp_of_nonpositive((x[v] - max) * scale);
  return weights;
}

void store_block(std::span<float> to, const Block& x) {
  std::memcpy(to.data(), x.data(), std::min(to.size(), kBlock) * sizeof(float));
}

// `visit(weights, begin)` sees every block of weights of the chunk.
template <class Visit>
double sum_chunk(std::span<const float> chunk, float max, float scale, Visit visit) {
  Block sums = {};
  const Float4 max4 = broadcast(max), scale4 = broadcast(scale);
  for_each_block(chunk, [&](const Block& x, size_t begin) {
    const Block weights = exp_block(x, max4, scale4);
    for (int v = 0; v < 4; ++v) sums[v] += weights[v];
    visit(weights, begin);
  });
  return add_lanes(sums);
}

float raw_max(std::span<const float> logits) {
  Block best;
  best.fill(broadcast(kMasked));
  for_each_block(logits, [&](const Block& x, size_t) {
    for (int v = 0; v < 4; ++v) best[v] = x[v] > best[v] ? x[v] : best[v];
  });
  float max = kMasked;
  for (const Float4& four : best)
    for (int lane = 0; lane < 4; ++lane) max = std::max(max, four[lane]);
  return max;
}

}  // namespace

float find_max(std::span<const float> logits) {
  return std::min(raw_max(logits), std::numeric_limits<float>::max());
}

TokenId argmax(std::span<const float> logits) {
  const float max = raw_max(logits);
  if (max == kMasked) return 0;
  const Float4 max4 = broadcast(max);
  size_t i = 0;
  for (; i + kBlock <= logits.size(); i += kBlock) {
    const Block x = load_block(logits.data() + i);
    if (any_lane((x[0] == max4) | (x[1] == max4) | (x[2] == max4) | (x[3] == max4))) break;
  }
  return static_cast<TokenId>(std::find(logits.begin() + i, logits.end(), max) - logits.begin());
}

double sum_exp(std::span<const float> logits, float max, float scale) {
  double total = 0;
  for (size_t i = 0; i < logits.size(); i += kSumChunk) {
    const auto chunk = logits.subspan(i, std::min(kSumChunk, logits.size() - i));
    total += sum_chunk(chunk, max, scale, [](const Block&, size_t) {});
  }
  return total;
}

double replace_by_exp(std::span<float> logits, float max, float scale,
                      std::vector<double>& chunk_sums) {
  chunk_sums.clear();
  double total = 0;
  for (size_t i = 0; i < logits.size(); i += kSumChunk) {
    const auto chunk = logits.subspan(i, std::min(kSumChunk, logits.size() - i));
    chunk_sums.push_back(sum_chunk(chunk, max, scale, [&](const Block& weights, size_t begin) {
      store_block(chunk.subspan(begin), weights);
    }));
    total += chunk_sums.back();
  }
  return total;
}

size_t count_above(std::span<const float> logits, float logit) {
  const Float4 bar = broadcast(logit);
  Int4 counts = {};  // a comparison gives -1 where it holds
  for_each_block(logits, [&](const Block& x, size_t) {
    for (int v = 0; v < 4; ++v) counts -= x[v] > bar;
  });
  return static_cast<size_t>(int64_t{counts[0]} + counts[1] + counts[2] + counts[3]);
}

}  // namespace trivet
