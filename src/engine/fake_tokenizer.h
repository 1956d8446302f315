// A vocabulary of 64 tokens for tests: letters, pieces of characters, two special tokens.
#ifndef TRIVET_ENGINE_FAKE_TOKENIZER_H_
#define TRIVET_ENGINE_FAKE_TOKENIZER_H_

#include <string>
#include <string_view>
#include <vector>

#include "text/tokenizer.h"

namespace trivet {

class FakeTokenizer final : public Tokenizer {
 public:
  static constexpr TokenId kEnd = 0;

  FakeTokenizer() {
    bytes_ = {"</s>", "<pad>", "\xe4", "\xb8", "\xad", "\xc3\xa9", " ", "\n"};
    while (bytes_.size() < 64) bytes_.push_back(std::string(1, char('a' + bytes_.size() % 5)));
  }

  // Letters a to e only.
  Result<std::vector<TokenId>> encode(std::string_view text, EncodeOptions) const override {
    std::vector<TokenId> tokens;
    for (char letter : text) {
      for (TokenId token = 8; token < 13; ++token) {
        if (bytes_[static_cast<size_t>(token)][0] == letter) tokens.push_back(token);
      }
    }
    return tokens;
  }
  Result<std::string> decode(std::span<const TokenId> tokens, bool skip_special) const override {
    TextStream stream(*this, {}, skip_special);
    std::string text;
    for (TokenId token : tokens) text += stream.push(token);
    return text + stream.finish();
  }
  int vocab_size() const override { return 64; }
  std::string_view token_bytes(TokenId token) const override {
    return token >= 0 && token < 64 ? std::string_view(bytes_[static_cast<size_t>(token)]) : "";
  }
  bool is_special(TokenId token) const override { return token == 0 || token == 1; }
  std::optional<TokenId> find(std::string_view name) const override {
    if (name == "</s>") return kEnd;
    return std::nullopt;
  }

 private:
  std::vector<std::string> bytes_;
};

}  // namespace trivet

#endif  // TRIVET_ENGINE_FAKE_TOKENIZER_H_
