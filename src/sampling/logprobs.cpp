#include <algorithm>
#include <cmath>

#include "sampling/candidates.h"
#include "sampling/logit_scan.h"
#include "sampling/sampler.h"

namespace trivet {
namespace {

float as_number(float logit) {
  if (std::isnan(logit)) return kMasked;
  return std::min(logit, std::numeric_limits<float>::max());
}

// log sum exp(logits), or nothing if every logit is masked.
class LogNormaliser {
 public:
  explicit LogNormaliser(std::span<const float> logits) : max_(find_max(logits)) {
    if (max_ != kMasked) log_sum_ = std::log(sum_exp(logits, max_, 1.0f));
  }
  float logprob(float logit) const {
    if (max_ == kMasked) return kMasked;
    return static_cast<float>((double{logit} - max_) - log_sum_);
  }

 private:
  float max_;
  double log_sum_ = 0;
};

std::vector<Candidate> best_tokens(std::span<const float> logits, int top_n) {
  std::vector<Candidate> best;
  if (top_n == kAllLogprobs) {
    best.reserve(logits.size());
    for (size_t i = 0; i < logits.size(); ++i) {
      best.push_back({as_number(logits[i]), 0.0f, static_cast<TokenId>(i)});
    }
  } else {
    k_best(logits, static_cast<size_t>(std::max(top_n, 0)), best);
    for (Candidate& candidate : best) candidate.key = as_number(candidate.key);
  }
  std::sort(best.begin(), best.end(), is_better);
  return best;
}

int rank_of(std::span<const float> logits, size_t token) {
  const float logit = std::isnan(logits[token]) ? kMasked : logits[token];
  const auto ties_before = [&](float x) {
    return x == logit || (std::isnan(x) && logit == kMasked);
  };
  const auto equal = std::count_if(
      logits.begin(), logits.begin() + static_cast<std::ptrdiff_t>(token), ties_before);
  return 1 + static_cast<int>(count_above(logits, logit)) + static_cast<int>(equal);
}

}  // namespace

PositionLogprobs compute_logprobs(std::span<const float> logits, TokenId chosen, int top_n) {
  PositionLogprobs result;
  const LogNormaliser normaliser(logits);
  const bool exists = chosen >= 0 && static_cast<size_t>(chosen) < logits.size();
  result.chosen.token = chosen;
  result.chosen.logprob = kMasked;
  result.chosen.rank = static_cast<int>(logits.size());
  if (exists) {
    const auto token = static_cast<size_t>(chosen);
    result.chosen.logprob = normaliser.logprob(as_number(logits[token]));
    result.chosen.rank = rank_of(logits, token);
  }
  int rank = 0;
  for (const Candidate& candidate : best_tokens(logits, top_n)) {
    result.top.push_back({candidate.token, normaliser.logprob(candidate.key), ++rank});
  }
  return result;
}

}  // namespace trivet
