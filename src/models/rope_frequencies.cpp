#include "models/rope_frequencies.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace trivet {
namespace {

constexpr double kTwoPi = 2.0 * std::numbers::pi;

// theta^(2 i / dim), the power rounded once.
std::vector<float> wavelengths(const RopeConfig& config) {
  std::vector<float> result;
  for (int i = 0; i < config.rotary_dim / 2; ++i) {
    const float exponent = static_cast<float>(2 * i) / static_cast<float>(config.rotary_dim);
    result.push_back(static_cast<float>(std::pow(config.theta, static_cast<double>(exponent))));
  }
  return result;
}

// Long waves are stretched by the factor, short ones stay, those between are blended.
void scale_llama3(const RopeConfig& config, std::vector<float>& inv_freq) {
  const double context = config.original_context;
  const double longest_kept = context / config.high_freq_factor;
  const double shortest_stretched = context / config.low_freq_factor;
  for (float& frequency : inv_freq) {
    const double wave = kTwoPi / frequency;
    if (wave < longest_kept) continue;
    const double stretched = frequency / config.factor;
    if (wave > shortest_stretched) {
      frequency = static_cast<float>(stretched);
      continue;
    }
    const double blend = (context / wave - config.low_freq_factor) /
                         (config.high_freq_factor - config.low_freq_factor);
    frequency = static_cast<float>((1.0 - blend) * stretched + blend * frequency);
  }
}

// The dimension whose wave turns `rotations` times within the original context.
double yarn_dimension(const RopeConfig& config, double rotations) {
  return config.rotary_dim * std::log(config.original_context / (rotations * kTwoPi)) /
         (2.0 * std::log(config.theta));
}

void scale_yarn(const RopeConfig& config, std::vector<float>& inv_freq) {
  const double low = std::max(0.0, std::floor(yarn_dimension(config, config.beta_fast)));
  double high =
      std::min<double>(config.rotary_dim - 1, std::ceil(yarn_dimension(config, config.beta_slow)));
  if (low == high) high += 0.001;
  for (size_t i = 0; i < inv_freq.size(); ++i) {
    const double stretched_part =
        std::clamp((static_cast<double>(i) - low) / (high - low), 0.0, 1.0);
    const double frequency = inv_freq[i];
    inv_freq[i] = static_cast<float>(frequency / config.factor * stretched_part +
                                     frequency * (1.0 - stretched_part));
  }
}

float yarn_magnitude(const RopeConfig& config) {
  if (config.attention_factor > 0) return static_cast<float>(config.attention_factor);
  if (config.factor <= 1.0) return 1.0f;
  return static_cast<float>(0.1 * std::log(config.factor) + 1.0);
}

}  // namespace

RopeFrequencies rope_frequencies(const RopeConfig& config, std::span<const float> factors) {
  RopeFrequencies result;
  for (float wave : wavelengths(config)) result.inv_freq.push_back(1.0f / wave);
  switch (config.scaling) {
    case RopeScaling::kNone:
      break;
    case RopeScaling::kLinear:
      for (float& f : result.inv_freq) f /= static_cast<float>(config.factor);
      break;
    case RopeScaling::kLlama3:
      scale_llama3(config, result.inv_freq);
      break;
    case RopeScaling::kYarn:
      scale_yarn(config, result.inv_freq);
      result.magnitude = yarn_magnitude(config);
      break;
  }
  for (size_t i = 0; i < factors.size() && i < result.inv_freq.size(); ++i) {
    result.inv_freq[i] /= factors[i];
  }
  return result;
}

}  // namespace trivet
