// The kinds of tokenizers behind Tokenizer.
#ifndef TRIVET_TEXT_TOKENIZER_KINDS_H_
#define TRIVET_TEXT_TOKENIZER_KINDS_H_

#include <bit>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "text/token_table.h"
#include "text/tokenizer.h"

namespace trivet {

// A tokenizer whose decoding is the concatenation of its tokens' bytes.
class TableTokenizer : public Tokenizer {
 public:
  Result<std::string> decode(std::span<const TokenId> tokens,
                             bool skip_special_tokens) const override {
    return table_.decode(tokens, skip_special_tokens, strips_leading_space());
  }
  int vocab_size() const override { return table_.size(); }
  std::string_view token_bytes(TokenId token) const override {
    return table_.contains(token) ? table_.bytes(token) : std::string_view();
  }
  bool is_special(TokenId token) const override {
    return table_.contains(token) && table_.special(token);
  }
  std::optional<TokenId> find(std::string_view token_name) const override {
    return table_.find(token_name);
  }

 protected:
  // What `tokenizers` keeps beside the table: each name twice (64 bytes each, with its heap block,
  // in tables of 33 bytes a slot) and each merge once (17 bytes a slot). Tables have a power of two
  // of slots, at most 7/8 of them used.
  size_t library_bytes(size_t merges) const {
    const auto slots = [](size_t entries) { return std::bit_ceil(entries * 8 / 7 + 1); };
    const auto tokens = static_cast<size_t>(table_.size());
    return slots(tokens) * 66 + tokens * 64 + slots(merges) * 17;
  }

  TokenTable table_;
};

// Hugging Face's tokenizer.json.
Result<std::unique_ptr<Tokenizer>> make_json_tokenizer(std::string_view tokenizer_json);
// Vocabularies with merges: GGUF's "gpt2" and "gemma4".
Result<std::unique_ptr<Tokenizer>> make_byte_pair_tokenizer(const Vocabulary& vocabulary);
// Vocabularies with scores: GGUF's "llama".
Result<std::unique_ptr<Tokenizer>> make_sentence_piece_tokenizer(const Vocabulary& vocabulary);

}  // namespace trivet

#endif  // TRIVET_TEXT_TOKENIZER_KINDS_H_
