#include "sampling/truncation.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <set>

#include "sampling/logit_scan.h"
#include "sampling/testing/random_logits.h"

namespace trivet {
namespace {

// The filters by their definitions, with full sorts in double.
class NaiveDistribution {
 public:
  NaiveDistribution(const std::vector<float>& logits, double temperature) {
    for (size_t i = 0; i < logits.size(); ++i) {
      tokens_.push_back({logits[i] / temperature, static_cast<TokenId>(i)});
    }
    std::stable_sort(tokens_.begin(), tokens_.end(),
                     [](const Entry& a, const Entry& b) { return a.logit > b.logit; });
  }
  void min_p(double p) {
    const auto probability = probabilities();
    keep_if([&](size_t i) { return probability[i] >= p * probability[0]; });
  }
  void top_k(size_t k) { tokens_.resize(std::min(k, tokens_.size())); }
  void top_p(double p) {
    const auto probability = probabilities();
    double before = 0;
    size_t count = 0;
    while (count < tokens_.size() && before < p) before += probability[count++];
    tokens_.resize(count);
  }
  void typical_p(double p) {
    const auto probability = probabilities();
    double entropy = 0;
    for (const double q : probability) entropy -= q * std::log(q);
    std::vector<size_t> order(tokens_.size());
    for (size_t i = 0; i < order.size(); ++i) order[i] = i;
    const auto surprise = [&](size_t i) { return std::abs(-std::log(probability[i]) - entropy); };
    std::stable_sort(order.begin(), order.end(),
                     [&](size_t a, size_t b) { return surprise(a) < surprise(b); });
    std::set<size_t> kept;
    double mass = 0;
    for (size_t i = 0; i < order.size() && mass < p; ++i) {
      mass += probability[order[i]];
      kept.insert(order[i]);
    }
    keep_if([&](size_t i) { return kept.contains(i); });
  }
  std::set<TokenId> tokens() const {
    std::set<TokenId> ids;
    for (const Entry& entry : tokens_) ids.insert(entry.token);
    return ids;
  }
  std::vector<double> probabilities() const {
    std::vector<double> result;
    double total = 0;
    for (const Entry& entry : tokens_) {
      result.push_back(std::exp(entry.logit - tokens_[0].logit));
      total += result.back();
    }
    for (double& p : result) p /= total;
    return result;
  }

 private:
  struct Entry {
    double logit;
    TokenId token;
  };
  template <class Predicate>
  void keep_if(Predicate keep) {
    std::vector<Entry> kept;
    for (size_t i = 0; i < tokens_.size(); ++i) {
      if (keep(i)) kept.push_back(tokens_[i]);
    }
    tokens_ = kept;
  }
  std::vector<Entry> tokens_;
};

std::set<TokenId> filtered(const GenerationParams& params, const std::vector<float>& logits) {
  const Truncation truncation(params, 1.0f / params.temperature, static_cast<int>(logits.size()));
  EXPECT_TRUE(truncation.active());
  std::vector<Candidate> left;
  truncation.filter(logits, find_max(logits), left);
  std::set<TokenId> ids;
  for (const Candidate& candidate : left) ids.insert(candidate.token);
  EXPECT_EQ(ids.size(), left.size());
  return ids;
}

struct Filters {
  int top_k;
  float typical_p, top_p, min_p, temperature;
};

class TruncationTest : public testing::TestWithParam<Filters> {};

TEST_P(TruncationTest, KeepsWhatTheDefinitionsKeep) {
  const Filters& f = GetParam();
  for (const size_t count : {5, 100, 3000, 9001}) {
    for (const float spread : {0.2f, 2.0f, 6.0f}) {
      const auto logits = random_logits(count, spread, static_cast<unsigned>(count));
      GenerationParams params;
      params.temperature = f.temperature;
      params.top_k = f.top_k;
      params.typical_p = f.typical_p;
      params.top_p = f.top_p;
      params.min_p = f.min_p;
      NaiveDistribution naive(logits, f.temperature);
      if (f.min_p > 0) naive.min_p(f.min_p);
      if (f.top_k > 0) naive.top_k(static_cast<size_t>(f.top_k));
      if (f.typical_p < 1) naive.typical_p(f.typical_p);
      if (f.top_p < 1) naive.top_p(f.top_p);
      if (f.top_k >= static_cast<int>(count) && f.typical_p == 1 && f.top_p == 1 && f.min_p == 0) {
        continue;  // nothing to filter
      }
      EXPECT_EQ(filtered(params, logits), naive.tokens()) << count << " " << spread;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(EachAndTogether, TruncationTest,
                         testing::Values(Filters{1, 1, 1, 0, 1}, Filters{40, 1, 1, 0, 0.7f},
                                         Filters{2000, 1, 1, 0, 1}, Filters{0, 1, 0.1f, 0, 1},
                                         Filters{0, 1, 0.9f, 0, 1}, Filters{0, 1, 0.99f, 0, 2},
                                         Filters{0, 1, 0.999f, 0, 1}, Filters{0, 1, 1, 0.05f, 1},
                                         Filters{0, 1, 1, 0.3f, 1.7f}, Filters{0, 1, 1, 1, 1},
                                         Filters{0, 0.2f, 1, 0, 1}, Filters{0, 0.9f, 1, 0, 0.8f},
                                         Filters{50, 1, 0.9f, 0, 1}, Filters{50, 1, 1, 0.1f, 1},
                                         Filters{0, 1, 0.8f, 0.02f, 1},
                                         Filters{100, 0.7f, 0.9f, 0.01f, 0.9f}));

TEST(Truncation, KeepsExactlyKWhenManyTieAtTheEdge) {
  std::vector<float> logits(200, 1.0f);
  logits[150] = 2.0f;
  GenerationParams params;
  params.top_k = 3;
  EXPECT_EQ(filtered(params, logits), (std::set<TokenId>{150, 0, 1}));
}

TEST(Truncation, AlwaysLeavesAToken) {
  GenerationParams params;
  params.top_p = 1e-20f;
  params.min_p = 1.0f;
  params.typical_p = 1e-20f;
  params.top_k = 1;
  EXPECT_EQ(filtered(params, {0.0f, 3.0f, 3.0f}), (std::set<TokenId>{1}));
}

TEST(Truncation, IgnoresMaskedTokensNanAndInfinity) {
  const std::vector<float> logits = {kMasked, std::nanf(""), 1.0f, kInf, kMasked};
  for (const int which : {0, 1, 2, 3}) {
    GenerationParams params;
    if (which == 0) params.top_k = 4;
    if (which == 1) params.top_p = 0.999f;
    if (which == 2) params.min_p = 1e-30f;
    if (which == 3) params.typical_p = 0.999f;
    EXPECT_EQ(filtered(params, logits), (std::set<TokenId>{3})) << which;
  }
}

TEST(SelectByMass, FindsTheEdgeThatASortFinds) {
  std::mt19937 random(5);
  for (int round = 0; round < 200; ++round) {
    std::vector<Candidate> candidates(1 + random() % 700);
    double total = 0;
    for (size_t i = 0; i < candidates.size(); ++i) {
      const float weight = static_cast<float>(random() % 16) / 4.0f;  // sums are exact, with ties
      candidates[i] = {weight, weight, static_cast<TokenId>(i)};
      total += weight;
    }
    auto sorted = candidates;
    std::sort(sorted.begin(), sorted.end(), is_better);
    const double mass = static_cast<double>(random() % 1000) / 1000.0 * total;
    for (const Reach reach : {Reach::kAtLeast, Reach::kMoreThan}) {
      size_t expected = 0;
      double sum = sorted[0].weight;
      while (expected + 1 < sorted.size() &&
             !(reach == Reach::kAtLeast ? sum >= mass : sum > mass)) {
        sum += sorted[++expected].weight;
      }
      const size_t found = select_by_mass(candidates, mass, reach);
      ASSERT_EQ(found, expected);
      ASSERT_EQ(candidates[found].token, sorted[found].token);
    }
  }
}

TEST(KBest, FindsTheBestInAscendingAndDescendingInput) {
  std::vector<float> rising(5000), falling(5000);
  for (size_t i = 0; i < rising.size(); ++i) {
    rising[i] = static_cast<float>(i);
    falling[i] = -static_cast<float>(i);
  }
  std::vector<Candidate> best;
  for (const size_t k : {size_t{1}, size_t{10}, size_t{2500}, size_t{5000}, size_t{9000}}) {
    const size_t count = std::min<size_t>(k, 5000);
    k_best(rising, k, best);
    ASSERT_EQ(best.size(), count);
    for (const Candidate& c : best) ASSERT_GE(c.token, static_cast<TokenId>(5000 - count));
    k_best(falling, k, best);
    ASSERT_EQ(best.size(), count);
    for (const Candidate& c : best) ASSERT_LT(c.token, static_cast<TokenId>(count));
  }
}

}  // namespace
}  // namespace trivet
