// Logits for tests.
#ifndef TRIVET_SAMPLING_TESTING_RANDOM_LOGITS_H_
#define TRIVET_SAMPLING_TESTING_RANDOM_LOGITS_H_

#include <limits>
#include <random>
#include <vector>

namespace trivet {

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

// Normally distributed around 0 with the standard deviation `spread`.
inline std::vector<float> random_logits(size_t count, float spread, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0.0f, spread);
  std::vector<float> logits(count);
  for (float& x : logits) x = normal(random);
  return logits;
}

}  // namespace trivet

#endif  // TRIVET_SAMPLING_TESTING_RANDOM_LOGITS_H_
