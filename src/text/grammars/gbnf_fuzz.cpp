// GBNF from clients: it is translated, or refused with a message.
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "text/grammars/gbnf.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view source(reinterpret_cast<const char*>(data), size);
  const auto translated = trivet::translate_gbnf(source);
  if (translated) {
    TRIVET_CHECK(!translated->source.empty());
  } else {
    TRIVET_CHECK(!translated.error().message().empty());
  }
  return 0;
}
