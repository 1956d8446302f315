// How often each token has occurred, for penalties.
#ifndef TRIVET_SAMPLING_TOKEN_COUNTS_H_
#define TRIVET_SAMPLING_TOKEN_COUNTS_H_

#include <cstddef>
#include <span>
#include <unordered_map>
#include <vector>

#include "base/ids.h"
#include "sampling/generation_params.h"

namespace trivet {

class TokenCounts {
 public:
  // Tokens outside the vocabulary are not counted.
  TokenCounts(std::span<const TokenId> prompt, int vocab_size);

  void add_generated(TokenId token);

  // For each token seen, with count c among the generated ones:
  //   repetition (prompt and generated, as in CTRL, Keskar et al. 2019, and Hugging Face):
  //     x > 0 ? x / repetition_penalty : x * repetition_penalty
  //   then, if c > 0:  x - frequency_penalty * c - presence_penalty
  void penalise(std::span<float> logits, const GenerationParams& params) const;

 private:
  struct Entry {
    TokenId token;
    int generated;
  };
  Entry& entry(TokenId token);
  bool counts(TokenId token) const { return token >= 0 && token < vocab_size_; }

  int vocab_size_;
  std::unordered_map<TokenId, size_t> index_;
  std::vector<Entry> entries_;
};

}  // namespace trivet

#endif  // TRIVET_SAMPLING_TOKEN_COUNTS_H_
