#include "api/json_writer.h"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace trivet {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

bool is_continuation(unsigned char byte) { return (byte & 0xC0) == 0x80; }

struct Sequence {
  size_t length;  // bytes; of an invalid one, those that a decoder replaces together
  bool valid;
};

// The first sequence of `text`, which starts with a byte of 0x80 or more. Table 3-7 of the Unicode
// standard.
Sequence read_sequence(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  size_t length = 0;
  unsigned char low = 0x80, high = 0xBF;  // of the second byte
  if (lead >= 0xC2 && lead <= 0xDF) {
    length = 2;
  } else if (lead >= 0xE0 && lead <= 0xEF) {
    length = 3;
    if (lead == 0xE0) low = 0xA0;
    if (lead == 0xED) high = 0x9F;
  } else if (lead >= 0xF0 && lead <= 0xF4) {
    length = 4;
    if (lead == 0xF0) low = 0x90;
    if (lead == 0xF4) high = 0x8F;
  } else {
    return {1, false};
  }
  if (text.size() < 2 || byte(1) < low || byte(1) > high) return {1, false};
  for (size_t i = 2; i < length; ++i) {
    if (i >= text.size() || !is_continuation(byte(i))) return {i, false};
  }
  return {length, true};
}

void append_escaped(std::string& out, char c) {
  switch (c) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    case '\b':
      out += "\\b";
      return;
    case '\f':
      out += "\\f";
      return;
    default:
      constexpr char kHex[] = "0123456789abcdef";
      out += "\\u00";
      out += kHex[(c >> 4) & 15];
      out += kHex[c & 15];
  }
}

// U+0085, U+2028 and U+2029 end a line for many line readers, which would cut an event of a stream
// in two.
std::string_view escaped_line_end(std::string_view sequence) {
  if (sequence == "\xC2\x85") return "\\u0085";
  if (sequence == "\xE2\x80\xA8") return "\\u2028";
  if (sequence == "\xE2\x80\xA9") return "\\u2029";
  return {};
}

// Copies `text`, with U+FFFD for what is invalid. Calls ascii(c) where `is_plain` says no, and
// longer(sequence) for each valid sequence of two bytes or more.
template <class IsPlain, class Ascii, class Longer>
void append_valid(std::string& out, std::string_view text, IsPlain is_plain, Ascii ascii,
                  Longer longer) {
  size_t i = 0;
  while (i < text.size()) {
    size_t end = i;
    while (end < text.size() && is_plain(static_cast<unsigned char>(text[end]))) ++end;
    out.append(text, i, end - i);
    i = end;
    if (i == text.size()) return;
    if (static_cast<unsigned char>(text[i]) < 0x80) {
      ascii(text[i++]);
      continue;
    }
    const Sequence sequence = read_sequence(text.substr(i));
    sequence.valid ? longer(text.substr(i, sequence.length)) : void(out += kReplacement);
    i += sequence.length;
  }
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  append_valid(
      out, text, [](unsigned char c) { return c >= 0x20 && c < 0x80 && c != '"' && c != '\\'; },
      [&](char c) { append_escaped(out, c); },
      [&](std::string_view sequence) {
        const std::string_view escaped = escaped_line_end(sequence);
        out.append(escaped.empty() ? sequence : escaped);
      });
  out += '"';
}

std::string to_valid_utf8(std::string_view text) {
  std::string out;
  append_valid(
      out, text, [](unsigned char c) { return c < 0x80; }, [](char) {},
      [&](std::string_view sequence) { out += sequence; });
  return out;
}

size_t count_characters(std::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return !is_continuation(static_cast<unsigned char>(c));
  }));
}

void JsonWriter::separate() {
  if (needs_comma_) out_ += ',';
  needs_comma_ = true;
}

JsonWriter& JsonWriter::open(char bracket) {
  separate();
  out_ += bracket;
  needs_comma_ = false;
  return *this;
}

JsonWriter& JsonWriter::close(char bracket) {
  out_ += bracket;
  needs_comma_ = true;
  return *this;
}

JsonWriter& JsonWriter::key(std::string_view name) {
  separate();
  append_json_string(out_, name);
  out_ += ':';
  needs_comma_ = false;
  return *this;
}

JsonWriter& JsonWriter::string(std::string_view text) {
  separate();
  append_json_string(out_, text);
  return *this;
}

JsonWriter& JsonWriter::integer(int64_t value) {
  char digits[24];
  const auto end = std::to_chars(digits, digits + sizeof(digits), value).ptr;
  return raw({digits, static_cast<size_t>(end - digits)});
}

JsonWriter& JsonWriter::number(float value) {
  if (!std::isfinite(value)) return null();
  char digits[48];
  const auto end = std::to_chars(digits, digits + sizeof(digits), value).ptr;
  std::string_view text(digits, static_cast<size_t>(end - digits));
  raw(text);
  if (text.find_first_of(".e") == std::string_view::npos) out_ += ".0";
  return *this;
}

JsonWriter& JsonWriter::raw(std::string_view json) {
  separate();
  out_.append(json);
  return *this;
}

}  // namespace trivet
