// A vocabulary of all bytes and an end token, for tests and fuzzers.
#ifndef TRIVET_TEXT_TESTDATA_BYTE_TOKENIZER_H_
#define TRIVET_TEXT_TESTDATA_BYTE_TOKENIZER_H_

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "text/tokenizer.h"

namespace trivet {

class ByteTokenizer final : public Tokenizer {
 public:
  static constexpr TokenId kEnd = 256;
  static constexpr int kVocabSize = 257;

  Result<std::vector<TokenId>> encode(std::string_view text, EncodeOptions) const override {
    std::vector<TokenId> tokens;
    for (const char byte : text) tokens.push_back(static_cast<unsigned char>(byte));
    return tokens;
  }
  Result<std::string> decode(std::span<const TokenId> tokens, bool) const override {
    std::string text;
    for (const TokenId token : tokens) text += token_bytes(token);
    return text;
  }
  int vocab_size() const override { return kVocabSize; }
  std::string_view token_bytes(TokenId token) const override {
    if (token == kEnd) return "</s>";
    if (token < 0 || token > kEnd) return {};
    return std::string_view(&bytes_[static_cast<size_t>(token)], 1);
  }
  bool is_special(TokenId token) const override { return token == kEnd; }
  std::optional<TokenId> find(std::string_view name) const override {
    if (name == "</s>") return kEnd;
    return std::nullopt;
  }

 private:
  const std::array<char, 256> bytes_ = [] {
    std::array<char, 256> bytes{};
    for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i);
    return bytes;
  }();
};

}  // namespace trivet

#endif  // TRIVET_TEXT_TESTDATA_BYTE_TOKENIZER_H_
