#include "dialects/value_text.h"

#include <simdjson.h>

#include "dialects/held_text.h"

namespace trivet {
namespace {

constexpr int kMaxValueDepth = 64;

void append_utf8(std::string& out, uint32_t code) {
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xC0 | code >> 6);
    out += static_cast<char>(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    out += static_cast<char>(0xE0 | code >> 12);
    out += static_cast<char>(0x80 | (code >> 6 & 0x3F));
    out += static_cast<char>(0x80 | (code & 0x3F));
  } else {
    out += static_cast<char>(0xF0 | code >> 18);
    out += static_cast<char>(0x80 | (code >> 12 & 0x3F));
    out += static_cast<char>(0x80 | (code >> 6 & 0x3F));
    out += static_cast<char>(0x80 | (code & 0x3F));
  }
}

// Reads literals and writes them as JSON. With a quote marker strings stand between two of them and
// keys are bare; without one, the syntax is Python's.
class LiteralReader {
 public:
  LiteralReader(std::string_view text, std::string_view quote_marker)
      : text_(text), quote_marker_(quote_marker) {}

  std::optional<std::string> read() {
    if (!value(0)) return std::nullopt;
    skip_space();
    if (at_ != text_.size()) return std::nullopt;
    return std::move(out_);
  }

 private:
  bool at_end() const { return at_ == text_.size(); }
  bool next_is(char c) const { return !at_end() && text_[at_] == c; }
  void skip_space() { at_ += leading_space(text_.substr(at_)); }
  bool take(char c) {
    skip_space();
    if (!next_is(c)) return false;
    ++at_;
    return true;
  }

  bool value(int depth) {
    skip_space();
    if (at_end() || depth > kMaxValueDepth) return false;
    if (!quote_marker_.empty() && text_.substr(at_).starts_with(quote_marker_))
      return marked_string();
    switch (text_[at_]) {
      case '"':
      case '\'':
        return quoted_string();
      case '{':
        return object(depth);
      case '[':
        return list(']', depth);
      case '(':
        return list(')', depth);
      default:
        return word();
    }
  }

  bool list(char close, int depth) {
    ++at_;
    out_ += '[';
    for (bool first = true; !take(close); first = false) {
      if (!first) {
        if (!take(',')) return false;
        if (take(close)) break;
        out_ += ',';
      }
      if (!value(depth + 1)) return false;
    }
    out_ += ']';
    return true;
  }

  bool object(int depth) {
    ++at_;
    out_ += '{';
    for (bool first = true; !take('}'); first = false) {
      if (!first) {
        if (!take(',')) return false;
        if (take('}')) break;
        out_ += ',';
      }
      if (!key(depth) || !take(':')) return false;
      out_ += ':';
      if (!value(depth + 1)) return false;
    }
    out_ += '}';
    return true;
  }

  bool key(int depth) {
    skip_space();
    if (next_is('"') || next_is('\'')) return quoted_string();
    if (quote_marker_.empty()) return false;
    if (text_.substr(at_).starts_with(quote_marker_)) return value(depth);
    const size_t end = text_.find(':', at_);
    if (end == std::string_view::npos) return false;
    out_ += json_quoted(trimmed(text_.substr(at_, end - at_)));
    at_ = end;
    return true;
  }

  bool marked_string() {
    const size_t begin = at_ + quote_marker_.size();
    const size_t end = text_.find(quote_marker_, begin);
    if (end == std::string_view::npos) return false;
    out_ += json_quoted(text_.substr(begin, end - begin));
    at_ = end + quote_marker_.size();
    return true;
  }

  bool quoted_string() {
    const char quote = text_[at_++];
    std::string text;
    while (!at_end() && text_[at_] != quote) {
      if (text_[at_] == '\\') {
        if (!escape(text)) return false;
      } else {
        text += text_[at_++];
      }
    }
    if (at_end()) return false;
    ++at_;
    out_ += json_quoted(text);
    return true;
  }

  bool escape(std::string& text) {
    if (at_ + 1 >= text_.size()) return false;
    const char c = text_[at_ + 1];
    at_ += 2;
    constexpr std::string_view kNames = "ntrbfva0", kValues("\n\t\r\b\f\v\a\0", 8);
    if (const size_t index = kNames.find(c); index != std::string_view::npos) {
      text += kValues[index];
    } else if (c == 'x' || c == 'u' || c == 'U') {
      return escaped_code(c == 'x' ? 2 : c == 'u' ? 4 : 8, text);
    } else if (c != '\n') {  // a backslash before a line end joins the lines
      if (c != '\\' && c != '\'' && c != '"' && c != '/') text += '\\';
      text += c;
    }
    return true;
  }

  bool hexadecimal(size_t digits, uint32_t& code) {
    if (at_ + digits > text_.size()) return false;
    code = 0;
    for (size_t i = 0; i < digits; ++i) {
      const size_t digit = std::string_view("0123456789abcdefABCDEF").find(text_[at_ + i]);
      if (digit == std::string_view::npos) return false;
      code = code * 16 + static_cast<uint32_t>(digit < 16 ? digit : digit - 6);
    }
    at_ += digits;
    return true;
  }

  bool escaped_code(size_t digits, std::string& text) {
    uint32_t code = 0;
    if (!hexadecimal(digits, code)) return false;
    if (code >= 0xD800 && code < 0xDC00 && text_.substr(at_).starts_with("\\u")) {
      uint32_t low = 0;
      const size_t before = at_;
      at_ += 2;
      if (hexadecimal(4, low) && low >= 0xDC00 && low < 0xE000) {
        code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
      } else {
        at_ = before;
      }
    }
    const bool is_character = code < 0xD800 || (code >= 0xE000 && code < 0x110000);
    append_utf8(text, is_character ? code : 0xFFFD);
    return true;
  }

  bool word() {
    const size_t begin = at_;
    while (!at_end() &&
           std::string_view(",:]})( \n\t\r").find(text_[at_]) == std::string_view::npos) {
      ++at_;
    }
    const std::string_view name = text_.substr(begin, at_ - begin);
    if (name == "True" || name == "true") return append("true");
    if (name == "False" || name == "false") return append("false");
    if (name == "None" || name == "null") return append("null");
    const bool is_number = !name.empty() && (name[0] == '-' || (name[0] >= '0' && name[0] <= '9'));
    return is_number && is_json(name) && append(name);
  }

  bool append(std::string_view json) {
    out_ += json;
    return true;
  }

  const std::string_view text_, quote_marker_;
  size_t at_ = 0;
  std::string out_;
};

}  // namespace

void append_json_chars(std::string& out, std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (byte < 0x20) {
      out += "\\u00";
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    } else {
      out += c;
    }
  }
}

std::string json_quoted(std::string_view text) {
  std::string out = "\"";
  append_json_chars(out, text);
  return out += '"';
}

std::optional<std::string> unquote_json(std::string_view text) {
  simdjson::dom::parser parser;
  std::string_view value;
  if (parser.parse(text.data(), text.size()).get(value)) return std::nullopt;
  return std::string(value);
}

bool is_json(std::string_view text) {
  simdjson::dom::parser parser;
  simdjson::dom::element value;
  return !parser.parse(text.data(), text.size()).get(value);
}

std::optional<std::string> python_to_json(std::string_view text) {
  return LiteralReader(text, {}).read();
}

std::optional<std::string> key_value_to_json(std::string_view text, std::string_view quote) {
  return LiteralReader(text, quote).read();
}

}  // namespace trivet
