#include "sampling/truncation.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "sampling/logit_scan.h"

namespace trivet {
namespace {

void keep_mass(std::vector<Candidate>& candidates, double mass) {
  candidates.resize(select_by_mass(candidates, mass, Reach::kAtLeast) + 1);
}

// A logit that the nucleus of `mass` does not reach down to, found from the weight of bins 1/32
// wide (of scaled logits below the best). The weight above it may fall short only if mass is nearly
// everything.
float nucleus_floor(std::span<const float> logits, float max, float scale, double mass) {
  constexpr int kBins = 800;  // beyond, a weight is below 2e-11
  constexpr float kPerUnit = 32.0f;
  std::array<double, kBins + 1> bins{};  // the last one is for all the rest
  const Float4 zero = broadcast(0.0f), last = broadcast(kBins);
  const auto add = [&](Float4 x, int count) {
    const Float4 scaled = (x - broadcast(max)) * broadcast(scale);
    const Float4 weights = exp_of_nonpositive(scaled);
    const Float4 depth = scaled * broadcast(-kPerUnit);
    const Float4 bounded = depth < last ? (depth > zero ? depth : zero) : last;  // NaN: the last
    const Int4 bin = __builtin_convertvector(bounded, Int4);
    for (int lane = 0; lane < count; ++lane) bins[static_cast<size_t>(bin[lane])] += weights[lane];
  };
  size_t i = 0;
  for (; i + 4 <= logits.size(); i += 4) add(load4(logits.data() + i), 4);
  for (; i < logits.size(); ++i) add(broadcast(logits[i]), 1);
  // Rounding of the sums, and of a logit at the edge of its bin, must not cost a token.
  const double enough = mass * (1 + 1e-5);
  double sum = 0;
  for (int bin = 0; bin < kBins; ++bin) {
    sum += bins[static_cast<size_t>(bin)];
    if (sum >= enough) return max - static_cast<float>(bin + 2) / (kPerUnit * scale);
  }
  return std::numeric_limits<float>::lowest();
}

}  // namespace

Truncation::Truncation(const GenerationParams& params, float scale, int vocab_size)
    : use_top_k_(params.top_k > 0 && params.top_k < vocab_size),
      use_top_p_(params.top_p < 1.0f),
      use_min_p_(params.min_p > 0.0f),
      use_typical_p_(params.typical_p < 1.0f),
      top_k_(use_top_k_ ? static_cast<size_t>(params.top_k) : 0),
      top_p_(params.top_p),
      typical_p_(params.typical_p),
      min_p_margin_(use_min_p_ ? static_cast<float>(std::log(double{params.min_p}) / scale) : 0.0f),
      scale_(scale) {}

void Truncation::weigh(std::vector<Candidate>& candidates, float max) const {
  for (Candidate& candidate : candidates) {
    candidate.weight = exp_weight(candidate.key, max, scale_);
  }
  std::erase_if(candidates, [](const Candidate& candidate) { return candidate.weight == 0.0f; });
}

void Truncation::filter(std::span<const float> logits, float max,
                        std::vector<Candidate>& out) const {
  if (use_top_p_ && !use_top_k_ && !use_min_p_ && !use_typical_p_) {
    keep_nucleus(logits, max, out);
    return;
  }
  constexpr float kLowest = std::numeric_limits<float>::lowest();
  const float floor = use_min_p_ ? std::max(max + min_p_margin_, kLowest) : kLowest;
  if (use_top_k_) {
    k_best(logits, top_k_, out);
    std::erase_if(out, [&](const Candidate& candidate) { return candidate.key < floor; });
  } else {
    all_from(logits, floor, out);
  }
  weigh(out, max);
  if (use_typical_p_) keep_typical(out, logits, max);
  if (use_top_p_) keep_mass(out, top_p_ * total_weight(out));
}

void Truncation::keep_typical(std::vector<Candidate>& candidates, std::span<const float> logits,
                              float max) const {
  const double total = total_weight(candidates);
  const double log_total = std::log(total);
  double entropy = 0;
  const auto log_probability = [&](const Candidate& candidate) {
    return double{(std::min(candidate.key, max) - max) * scale_} - log_total;
  };
  for (const Candidate& candidate : candidates) {
    entropy -= candidate.weight / total * log_probability(candidate);
  }
  for (Candidate& candidate : candidates) {
    candidate.key = static_cast<float>(-std::abs(log_probability(candidate) + entropy));
  }
  keep_mass(candidates, typical_p_ * total);
  for (Candidate& candidate : candidates) candidate.key = logits[candidate.token];
}

// The nucleus mostly has few tokens: looks among the best few first.
void Truncation::keep_nucleus(std::span<const float> logits, float max,
                              std::vector<Candidate>& out) const {
  constexpr size_t kFew = 256;
  const double mass = top_p_ * sum_exp(logits, max, scale_);
  k_best(logits, kFew, out);
  weigh(out, max);
  if (total_weight(out) < mass) {
    all_from(logits, nucleus_floor(logits, max, scale_, mass), out);
    weigh(out, max);
  }
  keep_mass(out, mass);
}

TokenId draw(std::span<Candidate> candidates, double u) {
  const double mass = u * total_weight(candidates);
  return candidates[select_by_mass(candidates, mass, Reach::kMoreThan)].token;
}

}  // namespace trivet
