// Selecting the best few of a vocabulary without sorting it.
#ifndef TRIVET_SAMPLING_CANDIDATES_H_
#define TRIVET_SAMPLING_CANDIDATES_H_

#include <cstddef>
#include <span>
#include <vector>

#include "base/ids.h"

namespace trivet {

struct Candidate {
  float key = 0.0f;     // what they are ordered by: the logit, unless a filter says otherwise
  float weight = 0.0f;  // proportional to the probability
  TokenId token = 0;
};

// Greatest key first, ties by token: a total order (keys are never NaN).
inline bool is_better(const Candidate& a, const Candidate& b) {
  return a.key != b.key ? a.key > b.key : a.token < b.token;
}

// The k best tokens whose logit is a number above -inf; fewer if there are no more. In no order.
void k_best(std::span<const float> logits, size_t k, std::vector<Candidate>& out);

// All tokens with a logit of at least `floor`, in id order.
void all_from(std::span<const float> logits, float floor, std::vector<Candidate>& out);

double total_weight(std::span<const Candidate> candidates);

enum class Reach { kAtLeast, kMoreThan };

// Index i such that the weights of the i + 1 best candidates together reach `mass` and those of the
// i best do not; the last candidate if even all do not. Rearranges: the i best stand before index
// i. Linear time. `candidates` must not be empty.
size_t select_by_mass(std::span<Candidate> candidates, double mass, Reach reach);

}  // namespace trivet

#endif  // TRIVET_SAMPLING_CANDIDATES_H_
