// Any bytes as a chat template: an error or a rendering, within bounds.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "text/chat_template.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view source(reinterpret_cast<const char*>(data), size);
  const auto compiled = trivet::ChatTemplate::compile(source, "<s>", "</s>");
  if (!compiled) return 0;
  trivet::ChatInput input;
  input.messages_json = R"([{"role": "system", "content": "a"}, {"role": "user", "content": "b"}])";
  input.tools_json = R"([{"type": "function", "function": {"name": "f", "parameters": {}}}])";
  (void)(*compiled)->render(input);
  return 0;
}
