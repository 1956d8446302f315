// Chooses the next token of one sequence from its logits.
#ifndef TRIVET_SAMPLING_SAMPLER_H_
#define TRIVET_SAMPLING_SAMPLER_H_

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/ids.h"
#include "sampling/generation_params.h"

namespace trivet {

struct TokenLogprob {
  TokenId token = 0;
  float logprob = 0.0f;  // natural logarithm, of the model's own distribution (before penalties and
                         // temperature)
  int rank = 0;          // 1 = most probable
};

// Log-probabilities at one position.
struct PositionLogprobs {
  TokenLogprob chosen;
  std::vector<TokenLogprob> top;  // best first, at most the number asked for
};

// Of the model's distribution softmax(logits). Ties rank by token id.
PositionLogprobs compute_logprobs(std::span<const float> logits, TokenId chosen, int top_n);

// The sampler state of one sequence: parameters, token counts, the random stream. The outcome
// depends only on (logits, params, seed, tokens so far): the random number of a position is a
// counter-based function of (seed, position), so preemption, restarts and batching change nothing.
// Not thread-safe; different samplers may run at once.
class Sampler {
 public:
  // `end_tokens`: the model's; suppressed below min_tokens (with stop_tokens) or never stopped at
  // with ignore_eos. `params` must be valid and outlive the sampler.
  static std::unique_ptr<Sampler> create(const GenerationParams& params, uint64_t seed,
                                         std::span<const TokenId> prompt,
                                         std::span<const TokenId> end_tokens, int vocab_size);
  virtual ~Sampler() = default;

  // The token at `position` (index in the sequence of the token to be chosen). `logits`
  // [vocab_size] is scratch: its contents are unspecified afterwards. `token_mask`: bit t of word
  // t/32 set = t is legal (a grammar's); empty = all.
  virtual TokenId sample(std::span<float> logits, int64_t position,
                         std::span<const uint32_t> token_mask) = 0;
  // The token was appended: update counts.
  virtual void accept(TokenId token) = 0;
};

}  // namespace trivet

#endif  // TRIVET_SAMPLING_SAMPLER_H_
