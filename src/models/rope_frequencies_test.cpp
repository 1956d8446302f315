#include "models/rope_frequencies.h"

#include <gmock/gmock.h>

#include <cmath>

namespace trivet {
namespace {

RopeConfig config_of(RopeScaling scaling, double factor) {
  RopeConfig config;
  config.rotary_dim = 64;
  config.scaling = scaling;
  config.factor = factor;
  config.original_context = 8192;
  return config;
}

TEST(RopeFrequenciesTest, FallFromOneByThePowerOfTheBase) {
  const auto f = rope_frequencies(config_of(RopeScaling::kNone, 1), {}).inv_freq;
  ASSERT_EQ(f.size(), 32u);
  EXPECT_EQ(f[0], 1.0f);
  EXPECT_NEAR(f[16], 0.01, 1e-9);
}

TEST(RopeFrequenciesTest, LinearScalingDividesAll) {
  const auto plain = rope_frequencies(config_of(RopeScaling::kNone, 1), {}).inv_freq;
  const auto scaled = rope_frequencies(config_of(RopeScaling::kLinear, 8), {}).inv_freq;
  for (size_t i = 0; i < plain.size(); ++i) EXPECT_EQ(scaled[i], plain[i] / 8);
}

TEST(RopeFrequenciesTest, Llama3KeepsShortWavesAndStretchesLongOnes) {
  RopeConfig config = config_of(RopeScaling::kLlama3, 8);
  config.theta = 500000;
  RopeConfig unscaled = config;
  unscaled.scaling = RopeScaling::kNone;
  const auto plain = rope_frequencies(unscaled, {}).inv_freq;
  const auto scaled = rope_frequencies(config, {}).inv_freq;
  EXPECT_EQ(scaled.front(), plain.front());
  EXPECT_EQ(scaled.back(), plain.back() / 8);
  bool any_between = false;
  for (size_t i = 0; i < plain.size(); ++i) {
    EXPECT_LE(scaled[i], plain[i]);
    EXPECT_GE(scaled[i], plain[i] / 8 * 0.999f);
    any_between |= scaled[i] < plain[i] * 0.9f && scaled[i] > plain[i] / 7;
  }
  EXPECT_TRUE(any_between);
}

TEST(RopeFrequenciesTest, YarnRaisesTheMagnitudeUnlessTheFileGivesIt) {
  RopeConfig config = config_of(RopeScaling::kYarn, 4);
  EXPECT_NEAR(rope_frequencies(config, {}).magnitude, 0.1 * std::log(4.0) + 1, 1e-6);
  config.attention_factor = 1.5;
  EXPECT_EQ(rope_frequencies(config, {}).magnitude, 1.5f);
}

TEST(RopeFrequenciesTest, FactorsOfTheFileDivideEachFrequency) {
  const auto plain = rope_frequencies(config_of(RopeScaling::kNone, 1), {}).inv_freq;
  std::vector<float> factors(32, 1.0f);
  factors[31] = 4.0f;
  const auto scaled = rope_frequencies(config_of(RopeScaling::kNone, 1), factors).inv_freq;
  EXPECT_EQ(scaled[30], plain[30]);
  EXPECT_EQ(scaled[31], plain[31] / 4);
}

}  // namespace
}  // namespace trivet
