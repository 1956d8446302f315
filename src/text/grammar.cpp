#include "text/grammar.h"

#include <algorithm>
#include <vector>

#include "text/grammars/grammar_cache.h"
#include "text/rust_text.h"

namespace trivet {

Grammar::~Grammar() = default;
GrammarCompiler::~GrammarCompiler() = default;

namespace {

using GrammarHandle = std::unique_ptr<TrivetTextGrammar, RustFree<trivet_text_grammar_free>>;
using VocabularyHandle =
    std::unique_ptr<TrivetTextGrammarVocabulary, RustFree<trivet_text_grammar_vocabulary_free>>;

static_assert(sizeof(TokenId) == sizeof(uint32_t));

const uint32_t* rust_tokens(std::span<const TokenId> tokens) {
  return reinterpret_cast<const uint32_t*>(tokens.data());
}

int32_t rust_kind(GrammarKind kind) {
  switch (kind) {
    case GrammarKind::kJsonSchema:
      return TRIVET_TEXT_GRAMMAR_JSON_SCHEMA;
    case GrammarKind::kRegex:
      return TRIVET_TEXT_GRAMMAR_REGEX;
    case GrammarKind::kLark:
      return TRIVET_TEXT_GRAMMAR_LARK;
  }
  return -1;
}

class GuidanceGrammar final : public Grammar {
 public:
  explicit GuidanceGrammar(GrammarHandle handle) : handle_(std::move(handle)) {}

  Result<void> fill_mask(std::span<uint32_t> mask) override {
    TrivetTextBytes error{};
    const int32_t status =
        trivet_text_grammar_mask(handle_.get(), mask.data(), mask.size(), &error);
    if (status != TRIVET_TEXT_OK) return rust_error(status, error);
    return {};
  }

  Result<size_t> accept(std::span<const TokenId> tokens) override {
    size_t accepted = 0;
    TrivetTextBytes error{};
    const int32_t status = trivet_text_grammar_accept(handle_.get(), rust_tokens(tokens),
                                                      tokens.size(), &accepted, &error);
    if (status != TRIVET_TEXT_OK) return rust_error(status, error);
    return accepted;
  }

  Result<void> rollback(size_t count) override {
    TrivetTextBytes error{};
    const int32_t status = trivet_text_grammar_rollback(handle_.get(), count, &error);
    if (status != TRIVET_TEXT_OK) return rust_error(status, error);
    return {};
  }

  Result<std::unique_ptr<Grammar>> clone() const override {
    TrivetTextGrammar* copy = nullptr;
    TrivetTextBytes error{};
    const int32_t status = trivet_text_grammar_clone(handle_.get(), &copy, &error);
    if (status != TRIVET_TEXT_OK) return rust_error(status, error);
    return std::unique_ptr<Grammar>(std::make_unique<GuidanceGrammar>(GrammarHandle(copy)));
  }

  Result<bool> is_accepting() override {
    uint8_t accepting = 0;
    TrivetTextBytes error{};
    const int32_t status = trivet_text_grammar_is_accepting(handle_.get(), &accepting, &error);
    if (status != TRIVET_TEXT_OK) return rust_error(status, error);
    return accepting != 0;
  }

  Result<bool> is_terminated() const override {
    uint8_t terminated = 0;
    TrivetTextBytes error{};
    const int32_t status = trivet_text_grammar_is_terminated(handle_.get(), &terminated, &error);
    if (status != TRIVET_TEXT_OK) return rust_error(status, error);
    return terminated != 0;
  }

  Result<std::string> forced_bytes() override {
    TrivetTextBytes bytes{}, error{};
    const int32_t status = trivet_text_grammar_forced_bytes(handle_.get(), &bytes, &error);
    if (status != TRIVET_TEXT_OK) return rust_error(status, error);
    return take_bytes(bytes);
  }

  Result<Offer> accept_within(TokenId token, int remaining) override {
    uint8_t offer = TRIVET_TEXT_OFFER_FORBIDDEN;
    TrivetTextBytes error{};
    const int32_t status = trivet_text_grammar_accept_within(
        handle_.get(), static_cast<uint32_t>(token), static_cast<size_t>(std::max(remaining, 0)),
        &offer, &error);
    if (status != TRIVET_TEXT_OK) return rust_error(status, error);
    if (offer == TRIVET_TEXT_OFFER_ACCEPTED) return Offer::kAccepted;
    return offer == TRIVET_TEXT_OFFER_TOO_LONG ? Offer::kTooLong : Offer::kForbidden;
  }

  Result<std::vector<TokenId>> closing() override {
    TrivetTextIds ids{};
    TrivetTextBytes error{};
    const int32_t status = trivet_text_grammar_closing(handle_.get(), &ids, &error);
    if (status != TRIVET_TEXT_OK) return rust_error(status, error);
    std::vector<TokenId> tokens(ids.data, ids.data + ids.size);
    trivet_text_free_ids(ids);
    return tokens;
  }

  bool can_close() const override {
    uint8_t can = 0;
    trivet_text_grammar_can_close(handle_.get(), &can);
    return can != 0;
  }

 private:
  GrammarHandle handle_;
};

class GuidanceCompiler final : public GrammarCompiler {
 public:
  explicit GuidanceCompiler(VocabularyHandle handle) : handle_(std::move(handle)) {}

  Result<std::unique_ptr<Grammar>> compile(GrammarKind kind,
                                           std::string_view source) const override {
    TrivetTextGrammar* grammar = nullptr;
    TrivetTextBytes error{};
    const int32_t status = trivet_text_grammar_compile(handle_.get(), rust_kind(kind),
                                                       rust_slice(source), &grammar, &error);
    if (status != TRIVET_TEXT_OK) return rust_error(status, error);
    return std::unique_ptr<Grammar>(std::make_unique<GuidanceGrammar>(GrammarHandle(grammar)));
  }

  // Two threads that miss at once both compile; the later one's grammar stays.
  Result<std::shared_ptr<const Grammar>> compile_shared(GrammarKind kind,
                                                        std::string_view source) const override {
    if (auto known = recent_.find(kind, source)) return known;
    TRIVET_ASSIGN_OR_RETURN(auto compiled, compile(kind, source));
    std::shared_ptr<const Grammar> shared = std::move(compiled);
    recent_.add(kind, source, shared);
    return shared;
  }

 private:
  VocabularyHandle handle_;
  mutable GrammarCache recent_;
};

}  // namespace

Result<std::unique_ptr<GrammarCompiler>> GrammarCompiler::create(
    const Tokenizer& tokenizer, std::span<const TokenId> end_tokens) {
  StringList pieces;
  std::vector<uint8_t> special;
  for (TokenId token = 0; token < tokenizer.vocab_size(); ++token) {
    pieces.add(tokenizer.token_bytes(token));
    special.push_back(tokenizer.is_special(token));
  }
  TrivetTextGrammarVocabulary* handle = nullptr;
  TrivetTextBytes error{};
  const int32_t status = trivet_text_grammar_vocabulary_new(
      pieces.view(), special.data(), rust_tokens(end_tokens), end_tokens.size(), &handle, &error);
  if (status != TRIVET_TEXT_OK) return rust_error(status, error);
  return std::unique_ptr<GrammarCompiler>(
      std::make_unique<GuidanceCompiler>(VocabularyHandle(handle)));
}

}  // namespace trivet
