#include "sampling/candidates.h"

#include <algorithm>
#include <limits>

#include "sampling/logit_scan.h"

namespace trivet {
namespace {

constexpr size_t kSkipBlock = 16;

bool any_above(const float* block, Float4 bar) {
  return any_lane((load4(block) > bar) | (load4(block + 4) > bar) | (load4(block + 8) > bar) |
                  (load4(block + 12) > bar));
}

bool any_from(const float* block, Float4 floor) {
  return any_lane((load4(block) >= floor) | (load4(block + 4) >= floor) |
                  (load4(block + 8) >= floor) | (load4(block + 12) >= floor));
}

// Collects up to twice k candidates, then keeps the better half and raises the bar to the worst of
// them. Tokens come in id order, so one that only equals the bar loses its tie.
class BestCollector {
 public:
  BestCollector(size_t k, std::vector<Candidate>& out) : k_(k), out_(out) {
    out_.clear();
    out_.reserve(capacity());
  }
  float bar() const { return bar_; }
  void offer(float logit, size_t token) {
    if (!(logit > bar_)) return;
    out_.push_back({logit, 0.0f, static_cast<TokenId>(token)});
    if (out_.size() == capacity()) keep_best();
  }
  void keep_best() {
    if (out_.size() <= k_) return;
    std::nth_element(out_.begin(), out_.begin() + (k_ - 1), out_.end(), is_better);
    out_.resize(k_);
    bar_ = out_.back().key;
  }

 private:
  size_t capacity() const { return 2 * k_ + 64; }
  const size_t k_;
  std::vector<Candidate>& out_;
  float bar_ = kMasked;
};

bool reaches(double sum, double mass, Reach reach) {
  return reach == Reach::kAtLeast ? sum >= mass : sum > mass;
}

}  // namespace

void k_best(std::span<const float> logits, size_t k, std::vector<Candidate>& out) {
  k = std::min(k, logits.size());
  BestCollector best(k, out);
  if (k == 0) return;
  size_t i = 0;
  for (; i + kSkipBlock <= logits.size(); i += kSkipBlock) {
    if (!any_above(logits.data() + i, broadcast(best.bar()))) continue;
    for (size_t j = i; j < i + kSkipBlock; ++j) best.offer(logits[j], j);
  }
  for (; i < logits.size(); ++i) best.offer(logits[i], i);
  best.keep_best();
}

void all_from(std::span<const float> logits, float floor, std::vector<Candidate>& out) {
  out.clear();
  const auto offer = [&](size_t i) {
    if (logits[i] >= floor) out.push_back({logits[i], 0.0f, static_cast<TokenId>(i)});
  };
  size_t i = 0;
  for (; i + kSkipBlock <= logits.size(); i += kSkipBlock) {
    if (!any_from(logits.data() + i, broadcast(floor))) continue;
    for (size_t j = i; j < i + kSkipBlock; ++j) offer(j);
  }
  for (; i < logits.size(); ++i) offer(i);
}

double total_weight(std::span<const Candidate> candidates) {
  double total = 0;
  for (const Candidate& candidate : candidates) total += candidate.weight;
  return total;
}

size_t select_by_mass(std::span<Candidate> candidates, double mass, Reach reach) {
  constexpr size_t kSortedDirectly = 64;
  size_t low = 0, high = candidates.size();
  double before = 0;  // weight of [0, low), all of which are better than the rest
  while (high - low > kSortedDirectly) {
    const size_t middle = low + (high - low) / 2;
    std::nth_element(candidates.begin() + low, candidates.begin() + middle,
                     candidates.begin() + high, is_better);
    const double with_half = before + total_weight(candidates.subspan(low, middle - low));
    if (reaches(with_half, mass, reach)) {
      high = middle;
    } else {
      before = with_half;
      low = middle;
    }
  }
  std::sort(candidates.begin() + low, candidates.begin() + high, is_better);
  for (size_t i = low; i < high; ++i) {
    before += candidates[i].weight;
    if (reaches(before, mass, reach)) return i;
  }
  return high - 1;
}

}  // namespace trivet
