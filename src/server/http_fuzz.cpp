// Pipelined requests, arriving in pieces whose size is the first byte of the input. The parser must
// never take more than it was offered, nor keep a body above its limit.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "server/http_parser.h"

namespace {

using trivet::HttpRequestParser;
constexpr HttpRequestParser::Limits kLimits{1024, 4096};

// Parses what it can from the front of `pending`. False once the parser has failed.
bool parse(HttpRequestParser& parser, std::string& pending) {
  while (true) {
    const auto stage = parser.stage();
    const size_t used = parser.consume(pending);
    if (used > pending.size()) std::abort();
    pending.erase(0, used);
    if (parser.stage() == HttpRequestParser::Stage::kFailed) {
      if (parser.failure().status < 400) std::abort();
      return false;
    }
    if (parser.stage() == HttpRequestParser::Stage::kDone) {
      if (parser.take_body().size() > kLimits.body_bytes) std::abort();
      parser.reset();
    } else if (used == 0 && parser.stage() == stage) {
      return true;
    }
    if (pending.empty()) return true;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const size_t piece = std::max<size_t>(data[0], 1);
  const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  HttpRequestParser parser(kLimits);
  std::string pending;
  for (size_t at = 0; at < input.size(); at += piece) {
    pending += input.substr(at, piece);
    if (!parse(parser, pending)) break;
  }
  return 0;
}
