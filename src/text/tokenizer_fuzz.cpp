// Any bytes as a tokenizer.json: an error, or a tokenizer that encodes to ids of its vocabulary
// and decodes without harm.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "text/tokenizer.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto tokenizer = trivet::Tokenizer::from_json({reinterpret_cast<const char*>(data), size});
  if (!tokenizer) return 0;
  const auto tokens = (*tokenizer)->encode("Hello, W\xC3\xB6rld 12\n<s>", {});
  if (!tokens) return 0;
  for (const trivet::TokenId token : *tokens)
    if (token < 0 || token >= (*tokenizer)->vocab_size()) std::abort();
  (void)(*tokenizer)->decode(*tokens, true);
  return 0;
}
