#include "sampling/sampler.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "sampling/logit_scan.h"
#include "sampling/testing/random_logits.h"

namespace trivet {
namespace {

GenerationParams greedy() {
  GenerationParams params;
  params.temperature = 0.0f;
  return params;
}

// One draw of a fresh sampler.
TokenId sample_once(const GenerationParams& params, std::vector<float> logits,
                    const std::vector<TokenId>& prompt = {},
                    const std::vector<TokenId>& generated = {},
                    const std::vector<TokenId>& end_tokens = {},
                    const std::vector<uint32_t>& mask = {}) {
  const auto sampler =
      Sampler::create(params, 1, prompt, end_tokens, static_cast<int>(logits.size()));
  for (const TokenId token : generated) sampler->accept(token);
  return sampler->sample(logits, 0, mask);
}

double chi_square(const std::vector<int>& counts, const std::vector<double>& probability) {
  double draws = 0;
  for (const int count : counts) draws += count;
  double sum = 0;
  for (size_t i = 0; i < counts.size(); ++i) {
    if (probability[i] == 0) {
      EXPECT_EQ(counts[i], 0) << i;
      continue;
    }
    const double expected = probability[i] * draws;
    sum += (counts[i] - expected) * (counts[i] - expected) / expected;
  }
  return sum;
}

std::vector<double> softmax(const std::vector<float>& logits, double temperature) {
  std::vector<double> p;
  double total = 0;
  for (const float x : logits) total += p.emplace_back(std::exp(x / temperature));
  for (double& q : p) q /= total;
  return p;
}

std::vector<int> draw_many(const GenerationParams& params, const std::vector<float>& logits,
                           uint64_t seed, int draws) {
  const auto sampler = Sampler::create(params, seed, {}, {}, static_cast<int>(logits.size()));
  std::vector<int> counts(logits.size());
  for (int position = 0; position < draws; ++position) {
    auto scratch = logits;
    ++counts[static_cast<size_t>(sampler->sample(scratch, position, {}))];
  }
  return counts;
}

TEST(SamplerDistribution, FollowsTheSoftmaxAtTheTemperature) {
  const auto logits = random_logits(30, 1.0f, 4);
  for (const float temperature : {0.5f, 1.0f, 2.0f}) {
    GenerationParams params;
    params.temperature = temperature;
    const auto counts = draw_many(params, logits, 11, 50'000);
    EXPECT_LT(chi_square(counts, softmax(logits, temperature)), 58.3) << temperature;  // 29, 0.001
  }
}

TEST(SamplerDistribution, ReachesEveryChunkOfABigVocabulary) {
  std::vector<float> logits(5000, kMasked);
  std::vector<double> p(logits.size());
  for (const size_t token : {0, 1023, 1024, 2500, 4999}) {
    logits[token] = 0.0f;
    p[token] = 0.2;
  }
  EXPECT_LT(chi_square(draw_many(GenerationParams{}, logits, 5, 20'000), p), 18.5);  // 4, 0.001
}

TEST(SamplerDistribution, IsRenormalisedAfterFilters) {
  const std::vector<float> logits = {std::log(0.4f), std::log(0.3f), std::log(0.2f),
                                     std::log(0.1f)};
  GenerationParams top_k;
  top_k.top_k = 2;
  EXPECT_LT(chi_square(draw_many(top_k, logits, 9, 20'000), {4.0 / 7, 3.0 / 7, 0, 0}), 10.8);
  GenerationParams top_p;
  top_p.top_p = 0.85f;
  EXPECT_LT(chi_square(draw_many(top_p, logits, 9, 20'000), {4.0 / 9, 3.0 / 9, 2.0 / 9, 0}), 13.8);
}

TEST(Sampler, IsGreedyAtTemperatureZeroWithTiesToTheLowestId) {
  EXPECT_EQ(sample_once(greedy(), {0.0f, 2.0f, 1.0f, 2.0f}), 1);
  GenerationParams nearly = greedy();
  nearly.temperature = 1e-6f;
  EXPECT_EQ(sample_once(nearly, {0.0f, 2.0f, 1.0f, 2.0f}), 1);
}

TEST(Sampler, DependsOnlyOnSeedPositionAndTokens) {
  const auto logits = random_logits(1000, 1.0f, 8);
  GenerationParams params;
  params.top_p = 0.9f;
  params.repetition_penalty = 1.2f;
  const auto first = Sampler::create(params, 3, {}, {}, 1000);
  std::vector<TokenId> tokens;
  for (int position = 0; position < 40; ++position) {
    auto scratch = logits;
    tokens.push_back(first->sample(scratch, position, {}));
    first->accept(tokens.back());
  }
  // Preempted after 20 tokens and set up again.
  const auto second = Sampler::create(params, 3, {}, {}, 1000);
  for (int position = 0; position < 20; ++position) second->accept(tokens[position]);
  for (int position = 20; position < 40; ++position) {
    auto scratch = logits;
    ASSERT_EQ(second->sample(scratch, position, {}), tokens[static_cast<size_t>(position)]);
    second->accept(tokens[static_cast<size_t>(position)]);
  }
  const auto other = draw_many(params, logits, 4, 40);
  EXPECT_NE(other, draw_many(params, logits, 3, 40));
}

TEST(Sampler, DrawsTheSameTokenHoweverTheTopKIsSet) {
  const auto logits = random_logits(500, 2.0f, 12);
  GenerationParams wide, wider;
  wide.top_k = 499;
  wider.top_k = 498;  // differs only in a token of negligible weight
  EXPECT_EQ(draw_many(wide, logits, 6, 200), draw_many(wider, logits, 6, 200));
}

TEST(Sampler, AppliesPenaltiesByTheirFormulas) {
  // Repetition: over prompt and output, by the sign of the logit.
  GenerationParams repetition = greedy();
  repetition.repetition_penalty = 2.0f;
  EXPECT_EQ(sample_once(repetition, {3.0f, 1.6f}, {0}), 1);
  EXPECT_EQ(sample_once(repetition, {3.0f, 1.4f}, {0}), 0);
  EXPECT_EQ(sample_once(repetition, {-1.0f, -1.9f}, {0}), 0 + 1);
  EXPECT_EQ(sample_once(repetition, {-1.0f, -2.1f}, {0}), 0);
  EXPECT_EQ(sample_once(repetition, {3.0f, 1.6f}, {}, {0, 0}), 1);
  EXPECT_EQ(sample_once(repetition, {3.0f, 1.4f}, {}, {0, 0}), 0);
  // Frequency: per occurrence in the output, not in the prompt.
  GenerationParams frequency = greedy();
  frequency.frequency_penalty = 0.5f;
  EXPECT_EQ(sample_once(frequency, {1.0f, 0.1f}, {0, 0, 0}), 0);
  EXPECT_EQ(sample_once(frequency, {1.0f, 0.1f}, {}, {0}), 0);
  EXPECT_EQ(sample_once(frequency, {1.0f, 0.1f}, {}, {0, 0}), 1);
  // Presence: once.
  GenerationParams presence = greedy();
  presence.presence_penalty = 0.5f;
  EXPECT_EQ(sample_once(presence, {1.0f, 0.4f}, {}, {0, 0, 0}), 0);
  EXPECT_EQ(sample_once(presence, {1.0f, 0.6f}, {}, {0, 0, 0}), 1);
  EXPECT_EQ(sample_once(presence, {1.0f, 0.6f}, {0}), 0);
}

TEST(Sampler, AddsBiasAndHonoursAllowedAndBannedTokens) {
  GenerationParams bias = greedy();
  bias.logit_bias = {{2, 5.0f}};
  EXPECT_EQ(sample_once(bias, {3.0f, 2.0f, 0.0f}), 2);
  GenerationParams allowed = greedy();
  allowed.allowed_tokens = {1, 2};
  EXPECT_EQ(sample_once(allowed, {3.0f, 2.0f, 0.0f}), 1);
  GenerationParams banned = greedy();
  banned.banned_tokens = {0, 1};
  EXPECT_EQ(sample_once(banned, {3.0f, 2.0f, 0.0f}), 2);
}

TEST(Sampler, DoesNotCompleteBadWords) {
  GenerationParams params = greedy();
  params.bad_words = {{0}, {3, 4, 1}};
  const std::vector<float> logits = {5.0f, 4.0f, 3.0f, 0.0f, 0.0f};
  EXPECT_EQ(sample_once(params, logits), 1);
  EXPECT_EQ(sample_once(params, logits, {}, {4}), 1);
  EXPECT_EQ(sample_once(params, logits, {}, {3, 4}), 2);
  EXPECT_EQ(sample_once(params, logits, {}, {0, 0, 3, 4}), 2);
  EXPECT_EQ(sample_once(params, logits, {}, {3, 4, 0}), 1);
  EXPECT_EQ(sample_once(params, logits, {3, 4}), 1) << "only the answer counts";
}

TEST(Sampler, HoldsBackEndAndStopTokensUntilMinTokens) {
  GenerationParams params = greedy();
  params.min_tokens = 2;
  params.stop_tokens = {1};
  const std::vector<float> logits = {5.0f, 4.0f, 3.0f};
  EXPECT_EQ(sample_once(params, logits, {}, {}, {0}), 2);
  EXPECT_EQ(sample_once(params, logits, {}, {2}, {0}), 2);
  EXPECT_EQ(sample_once(params, logits, {}, {2, 2}, {0}), 0);
}

TEST(Sampler, HonoursTheGrammarMask) {
  const std::vector<float> logits = random_logits(70, 1.0f, 2);
  std::vector<uint32_t> mask(3);
  mask[2] = 1u << 4;  // token 68
  EXPECT_EQ(sample_once(greedy(), logits, {}, {}, {}, mask), 68);
  EXPECT_EQ(sample_once(GenerationParams{}, logits, {}, {}, {}, mask), 68);
}

TEST(Sampler, FallsBackWhenEverythingIsMasked) {
  const std::vector<float> logits = {1.0f, 7.0f, 3.0f};
  for (const float temperature : {0.0f, 1.0f}) {
    GenerationParams params;
    params.temperature = temperature;
    params.banned_tokens = {0, 1, 2};
    EXPECT_EQ(sample_once(params, logits), 1) << "the model's best";
    EXPECT_EQ(sample_once(params, logits, {}, {}, {}, {0b101}), 2) << "the grammar's best";
    params.banned_tokens.clear();
    EXPECT_EQ(sample_once(params, logits, {}, {}, {}, {0}), 1);
    EXPECT_EQ(sample_once(params, {kNan, kMasked, kNan}, {}, {}, {}, {0b100}), 2);
    EXPECT_EQ(sample_once(params, {kNan, kNan, kNan}), 0);
  }
}

TEST(Sampler, TreatsNanAsMaskedAndInfinityAsTheBest) {
  for (const int top_k : {0, 2}) {
    GenerationParams params;
    params.top_k = top_k;
    EXPECT_EQ(sample_once(params, {kNan, 1.0f, kNan, kMasked}), 1);
    EXPECT_EQ(sample_once(params, {kNan, 1.0f, kInf, 5.0f}), 2);
  }
  EXPECT_EQ(sample_once(greedy(), {kNan, 1.0f, kNan, kMasked}), 1);
}

TEST(Sampler, IgnoresTokensOutsideTheVocabulary) {
  GenerationParams params = greedy();
  params.repetition_penalty = 1.5f;
  params.banned_tokens = {-1, 99};
  params.min_tokens = 1;
  EXPECT_EQ(sample_once(params, {1.0f, 2.0f}, {-5, 70}, {}, {200, -7}), 1);
}

}  // namespace
}  // namespace trivet
