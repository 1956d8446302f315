// The filters that cut off the tail of a distribution, and the draw from what is left.
#ifndef TRIVET_SAMPLING_TRUNCATION_H_
#define TRIVET_SAMPLING_TRUNCATION_H_

#include <span>
#include <vector>

#include "base/ids.h"
#include "sampling/candidates.h"
#include "sampling/generation_params.h"

namespace trivet {

// In vLLM's order, each on the renormalised rest of the one before (typical_p, which vLLM lacks,
// where llama.cpp has it, right after top_k):
//   min_p      keeps p >= min_p * max(p)
//   top_k      keeps the k most probable, ties by token id
//   typical_p  keeps the tokens whose -log p is nearest to the entropy, until they hold typical_p
//              (Meister et al., "Locally Typical Sampling", 2022)
//   top_p      keeps the fewest most probable tokens that hold at least top_p
// At least one token is always left.
class Truncation {
 public:
  // `scale` is 1 / temperature.
  Truncation(const GenerationParams& params, float scale, int vocab_size);

  bool active() const { return use_top_k_ || use_top_p_ || use_min_p_ || use_typical_p_; }

  // What is left of `logits`, with weights; in no order. `max` is find_max(logits), not kMasked.
  void filter(std::span<const float> logits, float max, std::vector<Candidate>& out) const;

 private:
  void weigh(std::vector<Candidate>& candidates, float max) const;  // drops those of weight 0
  void keep_typical(std::vector<Candidate>& candidates, std::span<const float> logits,
                    float max) const;
  void keep_nucleus(std::span<const float> logits, float max, std::vector<Candidate>& out) const;

  bool use_top_k_, use_top_p_, use_min_p_, use_typical_p_;
  size_t top_k_;
  double top_p_, typical_p_;
  float min_p_margin_;  // how far below the best logit a token may lie; not positive
  float scale_;
};

// The candidate at the fraction `u` of [0, 1) of the distribution laid out best first. Rearranges.
TokenId draw(std::span<Candidate> candidates, double u);

}  // namespace trivet

#endif  // TRIVET_SAMPLING_TRUNCATION_H_
