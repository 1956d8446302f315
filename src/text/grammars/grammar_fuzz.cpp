// Grammars from clients: compiled, walked along what they allow, and completed. The first byte is
// the kind, the second the budget.
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "text/grammar.h"
#include "text/grammars/gbnf.h"
#include "text/testdata/byte_tokenizer.h"

namespace trivet {
namespace {

const GrammarCompiler& compiler() {
  static const auto kCompiler = [] {
    const std::vector<TokenId> ends = {ByteTokenizer::kEnd};
    return std::move(GrammarCompiler::create(ByteTokenizer(), ends)).value();
  }();
  return *kCompiler;
}

TokenId first_allowed(Grammar& grammar, uint8_t from) {
  std::vector<uint32_t> mask(ByteTokenizer::kVocabSize / 32 + 1);
  if (!grammar.fill_mask(mask)) return ByteTokenizer::kEnd;
  for (TokenId i = 0; i < ByteTokenizer::kVocabSize; ++i) {
    const TokenId token = (i + from) % ByteTokenizer::kVocabSize;
    if (mask[static_cast<size_t>(token) / 32] >> (token % 32) & 1) return token;
  }
  return ByteTokenizer::kEnd;
}

// Takes what the bytes choose, as long as the text can still be completed; then it must be.
void walk(Grammar& grammar, std::string_view choices, int budget) {
  for (int left = budget; left > 0; --left) {
    const auto byte = static_cast<uint8_t>(choices[static_cast<size_t>(left) % choices.size()]);
    const TokenId token = first_allowed(grammar, byte);
    if (token == ByteTokenizer::kEnd) return;
    const auto offer = grammar.accept_within(token, left - 1);
    if (!offer || *offer == Grammar::Offer::kForbidden) return;
    if (*offer == Grammar::Offer::kAccepted) continue;
    const auto rest = grammar.closing();
    if (!rest) return;  // it may be too long from the start on
    const auto taken = grammar.accept(*rest);
    TRIVET_CHECK(!taken || *taken == rest->size());
    return;
  }
}

}  // namespace
}  // namespace trivet

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace trivet;
  if (size < 3 || size > 4096) return 0;
  const std::string_view source(reinterpret_cast<const char*>(data) + 2, size - 2);
  constexpr GrammarKind kKinds[] = {GrammarKind::kJsonSchema, GrammarKind::kRegex,
                                    GrammarKind::kLark};
  TranslatedGrammar grammar{kKinds[data[0] % 3], std::string(source)};
  if (data[0] % 4 == 3) {
    auto translated = translate_gbnf(source);
    if (!translated) return 0;
    grammar = std::move(*translated);
  }
  const auto compiled = compiler().compile(grammar.kind, grammar.source);
  if (compiled) walk(**compiled, source, data[1]);
  return 0;
}
