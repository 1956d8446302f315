// How "gpt2" vocabularies cut a text into words before byte pairs are merged, by
// `tokenizer.ggml.pre`.
#ifndef TRIVET_TEXT_PRE_TOKENIZERS_H_
#define TRIVET_TEXT_PRE_TOKENIZERS_H_

#include <span>
#include <string>
#include <string_view>

namespace trivet {

struct PreTokenizer {
  // Oniguruma expressions, applied one after the other: each cuts the pieces of the one before into
  // its matches and what lies between. Those of the model's own tokenizer.json.
  std::span<const char* const> patterns;
  bool ignore_merges = false;  // a word that is a token is that token, whatever the merges say
  bool add_bos = false;        // unless the file says otherwise
  bool byte_level = true;      // words are written in GPT-2's byte alphabet, else as they are
  bool escape_spaces = false;  // spaces become U+2581
};

// Null for an unknown name. An empty name is "default".
const PreTokenizer* find_pre_tokenizer(std::string_view pre);

}  // namespace trivet

#endif  // TRIVET_TEXT_PRE_TOKENIZERS_H_
