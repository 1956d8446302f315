// Which tokens end an answer.
#ifndef TRIVET_WEIGHTS_END_TOKENS_H_
#define TRIVET_WEIGHTS_END_TOKENS_H_

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include "base/ids.h"

namespace trivet {

// Texts of control tokens that end a turn or a text in the known families, whether or not the file
// names them as its end: many files name only one of two.
inline bool ends_a_turn(std::string_view token_text) {
  constexpr std::array<std::string_view, 9> kTexts = {
      "<|im_end|>",    "<end_of_turn>",   "<|eot_id|>", "<|eom_id|>", "<|end|>",
      "<|endoftext|>", "<|end_of_text|>", "<|EOT|>",    "<EOT>"};
  return std::ranges::find(kTexts, token_text) != kTexts.end();
}

inline void add_end_token(std::vector<TokenId>& tokens, TokenId token) {
  if (std::ranges::find(tokens, token) == tokens.end()) tokens.push_back(token);
}

}  // namespace trivet

#endif  // TRIVET_WEIGHTS_END_TOKENS_H_
