// Any body: parts lie inside it, and what is wrong has a message.
#include <cstdint>

#include "api/files/multipart.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const size_t split = std::min(text.find('\n'), size);
  const std::string_view body = text.substr(std::min(split + 1, size));
  const auto parts = trivet::parse_multipart(text.substr(0, split), body);
  if (!parts) {
    TRIVET_CHECK(!parts.error().message().empty());
    return 0;
  }
  for (const trivet::FormPart& part : *parts) {
    TRIVET_CHECK(part.content.data() >= body.data() &&
                 part.content.data() + part.content.size() <= body.data() + body.size());
  }
  return 0;
}
