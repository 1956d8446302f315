#include "text/utf8.h"

namespace trivet {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

struct Character {
  size_t size;      // bytes that belong together: a character or the correct start of one
  bool valid;       // a whole character
  bool incomplete;  // correct so far, but the text ends
};

bool in_range(unsigned char byte, unsigned char low, unsigned char high) {
  return byte >= low && byte <= high;
}

// Reads one character at the start of `bytes`, which is not empty (Unicode 15, table 3-7).
Character read_character(std::string_view bytes) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(bytes[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return {1, true, false};
  const size_t size = utf8_length(lead);
  if (size == 1) return {1, false, false};
  unsigned char low = 0x80, high = 0xBF;  // bounds of the second byte
  if (lead == 0xE0) low = 0xA0;
  if (lead == 0xED) high = 0x9F;
  if (lead == 0xF0) low = 0x90;
  if (lead == 0xF4) high = 0x8F;
  for (size_t i = 1; i < size; ++i) {
    if (i == bytes.size()) return {i, false, true};
    if (!in_range(byte(i), low, high)) return {i, false, false};
    low = 0x80, high = 0xBF;
  }
  return {size, true, false};
}

size_t ascii_prefix(std::string_view bytes) {
  size_t size = 0;
  while (size < bytes.size() && static_cast<unsigned char>(bytes[size]) < 0x80) ++size;
  return size;
}

}  // namespace

size_t utf8_length(unsigned char lead) {
  if (in_range(lead, 0xC2, 0xDF)) return 2;
  if (in_range(lead, 0xE0, 0xEF)) return 3;
  if (in_range(lead, 0xF0, 0xF4)) return 4;
  return 1;
}

size_t append_utf8(std::string_view bytes, bool at_end, std::string& out) {
  size_t at = 0;
  while (at < bytes.size()) {
    const size_t plain = ascii_prefix(bytes.substr(at));
    out.append(bytes.substr(at, plain));
    at += plain;
    if (at == bytes.size()) break;
    const Character character = read_character(bytes.substr(at));
    if (character.incomplete && !at_end) break;
    out.append(character.valid ? bytes.substr(at, character.size) : kReplacement);
    at += character.size;
  }
  return at;
}

std::optional<size_t> find_invalid_utf8(std::string_view bytes) {
  for (size_t at = 0; at < bytes.size();) {
    at += ascii_prefix(bytes.substr(at));
    if (at == bytes.size()) break;
    const Character character = read_character(bytes.substr(at));
    if (!character.valid) return at;
    at += character.size;
  }
  return std::nullopt;
}

}  // namespace trivet
