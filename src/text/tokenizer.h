// Text to tokens and back, on Hugging Face `tokenizers` behind rust/text.
#ifndef TRIVET_TEXT_TOKENIZER_H_
#define TRIVET_TEXT_TOKENIZER_H_

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "text/vocabulary.h"

namespace trivet {

struct EncodeOptions {
  bool add_special_tokens = true;  // what the model's post-processor adds (BOS, ...)
  bool parse_special_tokens =
      true;  // "<|im_start|>" in the text becomes that token; false: plain text
};

// Thread-safe once made: all members are const.
class Tokenizer {
 public:
  // From the bytes of a tokenizer.json.
  static Result<std::unique_ptr<Tokenizer>> from_json(std::string_view tokenizer_json);
  // From a GGUF vocabulary; an unknown `pre` is kUnimplemented and named.
  static Result<std::unique_ptr<Tokenizer>> from_vocabulary(const Vocabulary& vocabulary);

  virtual ~Tokenizer();

  virtual Result<std::vector<TokenId>> encode(std::string_view text,
                                              EncodeOptions options) const = 0;
  // Whole text of a sequence; bytes that are not UTF-8 become U+FFFD.
  virtual Result<std::string> decode(std::span<const TokenId> tokens,
                                     bool skip_special_tokens) const = 0;

  virtual int vocab_size() const = 0;
  // The bytes that the token stands for inside a text (not its name in the vocabulary: "Ġa" -> "
  // a"). May be a part of a UTF-8 character; empty for an id outside the vocabulary. The view lives
  // as long as the tokenizer.
  virtual std::string_view token_bytes(TokenId token) const = 0;
  virtual bool is_special(TokenId token) const = 0;
  virtual std::optional<TokenId> find(std::string_view token_name) const = 0;
  // SentencePiece: the space at the very start of a text is not text.
  virtual bool strips_leading_space() const { return false; }
  // Estimate of the memory it keeps, for the byte budget.
  virtual size_t memory_bytes() const { return 0; }
};

// Turns one sequence's tokens into text as they come. The concatenation of everything returned
// equals the decoding of the whole, and no piece ends inside a UTF-8 character. Copyable (n > 1
// forks).
class TextStream {
 public:
  // `context` are tokens before the first new one (the prompt's last few): they decide about
  // leading spaces but give no text. The tokenizer must outlive the stream.
  TextStream(const Tokenizer& tokenizer, std::span<const TokenId> context,
             bool skip_special_tokens);

  // New text that is now certain; empty while a character is incomplete.
  std::string push(TokenId token);
  // What is left at the end; incomplete bytes become U+FFFD.
  std::string finish();

 private:
  const Tokenizer* tokenizer_;
  bool skip_special_tokens_;
  std::string pending_;       // bytes of an incomplete character
  bool strip_leading_space_;  // SentencePiece: the very first space of a text is not text
};

}  // namespace trivet

#endif  // TRIVET_TEXT_TOKENIZER_H_
