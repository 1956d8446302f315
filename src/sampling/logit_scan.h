// Passes over a whole vocabulary. NaN counts as -inf, +inf as the largest float, everywhere.
#ifndef TRIVET_SAMPLING_LOGIT_SCAN_H_
#define TRIVET_SAMPLING_LOGIT_SCAN_H_

#include <cstddef>
#include <limits>
#include <span>
#include <vector>

#include "base/ids.h"
#include "sampling/fast_exp.h"

namespace trivet {

inline constexpr float kMasked = -std::numeric_limits<float>::infinity();

// The greatest logit, at most the largest float; kMasked if there is none.
float find_max(std::span<const float> logits);

// The token of the greatest logit, ties to the lowest id; 0 if all are masked.
TokenId argmax(std::span<const float> logits);

// Sums are taken in 16 float lanes over kSumChunk logits, the lanes are added pairwise, the chunks
// in order in double: one fixed tree, whatever the machine.
inline constexpr size_t kSumChunk = 1024;

// Sum of exp((x - max) * scale). `max` from find_max, not kMasked; scale > 0.
double sum_exp(std::span<const float> logits, float max, float scale);

// The same; also replaces each logit by its exp, and gives the sum of each chunk.
double replace_by_exp(std::span<float> logits, float max, float scale,
                      std::vector<double>& chunk_sums);

// One weight, with the bits that the two functions above use.
inline float exp_weight(float logit, float max, float scale) {
  return exp_of_nonpositive((logit - max) * scale);
}

// How many are greater than `logit`, which must not be NaN.
size_t count_above(std::span<const float> logits, float logit);

}  // namespace trivet

#endif  // TRIVET_SAMPLING_LOGIT_SCAN_H_
