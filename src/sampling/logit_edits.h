// Bias and bans: what a request changes in the logits before anything is chosen.
#ifndef TRIVET_SAMPLING_LOGIT_EDITS_H_
#define TRIVET_SAMPLING_LOGIT_EDITS_H_

#include <cstdint>
#include <span>
#include <vector>

#include "base/ids.h"
#include "sampling/generation_params.h"

namespace trivet {

// Masks the tokens whose bit is not set (bit t of word t/32), and those beyond the last word.
void apply_token_mask(std::span<float> logits, std::span<const uint32_t> mask);

// The edits of one sequence. `params` must outlive it; tokens outside the vocabulary are ignored.
class LogitEdits {
 public:
  LogitEdits(const GenerationParams& params, std::span<const TokenId> end_tokens, int vocab_size);

  bool active() const { return active_; }
  // `generated`: all tokens since the prompt, or at least the last remembered_tokens() of them;
  // `count`: how many there have been.
  void apply(std::span<float> logits, std::span<const TokenId> generated, int64_t count) const;
  size_t remembered_tokens() const { return remembered_tokens_; }

 private:
  void ban_bad_words(std::span<float> logits, std::span<const TokenId> generated) const;

  const GenerationParams& params_;
  std::vector<uint32_t> allowed_mask_;     // empty = all
  std::vector<TokenId> early_end_tokens_;  // masked until min_tokens
  size_t remembered_tokens_ = 0;           // for the longest bad word
  bool active_ = false;
};

}  // namespace trivet

#endif  // TRIVET_SAMPLING_LOGIT_EDITS_H_
