// Any bytes as a GGUF vocabulary, cut into tokens and merges at newlines, and as text to encode
// with it.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "text/tokenizer.h"

namespace {

// The next line of `rest`, which loses it.
std::string take_line(std::string_view& rest) {
  const size_t end = std::min(rest.find('\n'), rest.size());
  std::string line(rest.substr(0, end));
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return line;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 3) return 0;
  constexpr const char* kPre[] = {"default", "gpt-2",  "llama-bpe",
                                  "qwen2",   "smollm", "deepseek-llm"};
  trivet::Vocabulary vocabulary;
  vocabulary.model = data[0] % 2 ? "gpt2" : "llama";
  vocabulary.pre = kPre[data[1] % 6];
  const size_t num_tokens = data[2];
  std::string_view rest(reinterpret_cast<const char*>(data) + 3, size - 3);
  for (size_t i = 0; i < num_tokens && !rest.empty(); ++i) {
    vocabulary.tokens.push_back(take_line(rest));
    vocabulary.types.push_back(static_cast<trivet::TokenType>(1 + (i * 7 + data[0]) % 6));
    vocabulary.scores.push_back(static_cast<float>(i % 13) - 6.0f);
  }
  for (size_t i = 0; i < num_tokens && !rest.empty(); ++i)
    vocabulary.merges.push_back(take_line(rest));
  const auto tokenizer = trivet::Tokenizer::from_vocabulary(vocabulary);
  if (!tokenizer) return 0;
  const auto tokens = (*tokenizer)->encode(rest.substr(0, 2000), {});
  if (!tokens) return 0;
  (void)(*tokenizer)->decode(*tokens, false);
  trivet::TextStream stream(**tokenizer, {}, true);
  for (const trivet::TokenId token : *tokens) (void)stream.push(token);
  (void)stream.finish();
  return 0;
}
