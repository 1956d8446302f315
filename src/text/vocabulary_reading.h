// What a GGUF vocabulary means, for all kinds of tokenizers that are made from one.
#ifndef TRIVET_TEXT_VOCABULARY_READING_H_
#define TRIVET_TEXT_VOCABULARY_READING_H_

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "text/special_tokens.h"
#include "text/token_table.h"
#include "text/vocabulary.h"

namespace trivet {

// Sizes that fit together, ids inside the vocabulary, no damaged numbers.
Result<void> check_vocabulary(const Vocabulary& vocabulary);

// The token's type. Some files give end-of-turn and fill-in-the-middle tokens a wrong type: names
// that cannot be anything else count as control tokens, as in llama.cpp.
TokenType token_type(const Vocabulary& vocabulary, TokenId id);

// Control and unknown tokens: no text for a reader.
bool is_special_type(TokenType type);

// The byte of "<0x0A>".
std::optional<unsigned char> parse_byte_token(std::string_view name);

// "▁a" -> " a".
std::string spaces_from_marks(std::string_view text);
// " a" -> "▁a".
std::string marks_from_spaces(std::string_view text);

// The tokens that are cut out of a text before anything else. Those of Phi-3 take the white space
// after them along, which only the model's name tells.
SpecialTokens collect_special_tokens(const Vocabulary& vocabulary);

// Tokens around a text.
struct TextEnds {
  std::optional<TokenId> bos, eos;
};
// `add_bos`: the default where the file says nothing.
TextEnds read_text_ends(const Vocabulary& vocabulary, bool add_bos);

}  // namespace trivet

#endif  // TRIVET_TEXT_VOCABULARY_READING_H_
