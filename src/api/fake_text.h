// A tokenizer and a template that tests can foresee.
#ifndef TRIVET_API_FAKE_TEXT_H_
#define TRIVET_API_FAKE_TEXT_H_

#include <algorithm>
#include <array>
#include <string>

#include "api/call.h"

namespace trivet {

inline const CallContext kContext{.request_id = "42", .tenant = "acme", .unix_seconds = 1000};

// Ids 0..255 are bytes, then "<s>", "</s>" (special), then some words. Takes the longest match.
class FakeTokenizer final : public Tokenizer {
 public:
  static constexpr TokenId kBos = 256, kEos = 257;
  static constexpr int kVocabSize = 264;

  Result<std::vector<TokenId>> encode(std::string_view text, EncodeOptions options) const override {
    std::vector<TokenId> tokens;
    if (options.add_special_tokens) tokens.push_back(kBos);
    while (!text.empty()) {
      const TokenId token = longest_match(text, options.parse_special_tokens);
      tokens.push_back(token);
      text.remove_prefix(token_bytes(token).size());
    }
    return tokens;
  }

  Result<std::string> decode(std::span<const TokenId> tokens, bool skip_special) const override {
    std::string text;
    for (const TokenId token : tokens) {
      if (!skip_special || !is_special(token)) text += token_bytes(token);
    }
    return text;
  }

  int vocab_size() const override { return kVocabSize; }
  std::string_view token_bytes(TokenId token) const override {
    if (token < 0 || token >= kVocabSize) return {};
    if (token >= kBos) return kNames[static_cast<size_t>(token - kBos)];
    return std::string_view(&bytes_[static_cast<size_t>(token)], 1);
  }
  bool is_special(TokenId token) const override { return token == kBos || token == kEos; }
  std::optional<TokenId> find(std::string_view name) const override {
    for (TokenId token = 0; token < kVocabSize; ++token) {
      if (token_bytes(token) == name) return token;
    }
    return std::nullopt;
  }

 private:
  static constexpr std::array<std::string_view, 8> kNames = {"<s>",    "</s>", "Hi",  " there",
                                                             " world", "one",  "two", "\xC3\xA9"};

  TokenId longest_match(std::string_view text, bool specials) const {
    for (TokenId token = specials ? kBos : kBos + 2; token < kVocabSize; ++token) {
      if (text.starts_with(token_bytes(token))) return token;
    }
    return static_cast<unsigned char>(text[0]);
  }

  const std::array<char, 256> bytes_ = [] {
    std::array<char, 256> bytes{};
    for (int i = 0; i < 256; ++i) bytes[static_cast<size_t>(i)] = static_cast<char>(i);
    return bytes;
  }();
};

// Remembers what it was given and renders the messages as they are. Not thread-safe.
class FakeTemplate final : public ChatTemplate {
 public:
  Result<std::string> render(const ChatInput& input) const override {
    messages = input.messages_json;
    tools = input.tools_json;
    documents = input.documents_json;
    extra = input.extra_json;
    add_generation_prompt = input.add_generation_prompt;
    continue_final_message = input.continue_final_message;
    if (messages.find("REFUSE") != std::string::npos) {
      return Error(ErrorCode::kInvalidArgument, "Conversation roles must alternate");
    }
    return std::string(rendered);
  }
  const std::string& source() const override { return text; }

  mutable std::string messages, tools, documents, extra;
  mutable bool add_generation_prompt = false, continue_final_message = false;
  std::string rendered = "Hi there";
  std::string text = "fake {{ tools }}";
};

// A model named "m" (and "alias") with both of them.
struct FakeModel {
  FakeModel() {
    served.names = {"m", "alias"};
    served.root = "/models/m";
    served.created = 7;
    served.max_model_len = 100;
    served.tokenizer = &tokenizer;
    served.chat_template = &chat_template;
    served.end_tokens = {FakeTokenizer::kEos};
    served.limits.vocab_size = FakeTokenizer::kVocabSize;
  }
  FakeModel(const FakeModel&) = delete;
  FakeModel& operator=(const FakeModel&) = delete;

  FakeTokenizer tokenizer;
  FakeTemplate chat_template;
  ServedModel served;
};

}  // namespace trivet

#endif  // TRIVET_API_FAKE_TEXT_H_
