#include "text/grammars/gbnf_parser.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <utility>

#include "text/utf8.h"

namespace trivet {
namespace {

constexpr size_t kMaxSourceBytes = size_t{1} << 20;
constexpr int kMaxDepth = 64;
constexpr size_t kMaxRules = 1'000;
constexpr int kMaxRepetitions = 10'000;

void append_character(uint32_t point, std::string& out) {
  if (point < 0x80) {
    out += static_cast<char>(point);
  } else if (point < 0x800) {
    out += static_cast<char>(0xC0 | point >> 6);
    out += static_cast<char>(0x80 | (point & 0x3F));
  } else if (point < 0x10000) {
    out += static_cast<char>(0xE0 | point >> 12);
    out += static_cast<char>(0x80 | (point >> 6 & 0x3F));
    out += static_cast<char>(0x80 | (point & 0x3F));
  } else {
    out += static_cast<char>(0xF0 | point >> 18);
    out += static_cast<char>(0x80 | (point >> 12 & 0x3F));
    out += static_cast<char>(0x80 | (point >> 6 & 0x3F));
    out += static_cast<char>(0x80 | (point & 0x3F));
  }
}

// Every character that may mean something, and all that would not be seen, by its number.
void append_escaped(std::string_view character, std::string& out) {
  const auto byte = static_cast<unsigned char>(character[0]);
  const bool plain = byte >= 0x80 || (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') ||
                     (byte >= 'A' && byte <= 'Z') || byte == '_' || byte == '"';
  if (plain) {
    out += character;
    return;
  }
  constexpr char kDigits[] = "0123456789ABCDEF";
  out += "\\x";
  out += kDigits[byte >> 4];
  out += kDigits[byte & 15];
}

bool is_name_letter(char letter) {
  return (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') ||
         (letter >= '0' && letter <= '9') || letter == '-' || letter == '_';
}

// Recursive descent; the first error stays.
class Parser {
 public:
  explicit Parser(std::string_view source) : source_(source) {}

  Result<GbnfGrammar> parse() {
    skip_space(true);
    while (!at_end() && !failed()) parse_rule();
    if (!failed()) check_calls();
    if (failed()) return Error(ErrorCode::kInvalidArgument, "GBNF grammar: " + error_);
    return std::move(grammar_);
  }

 private:
  bool failed() const { return !error_.empty(); }
  bool at_end() const { return at_ >= source_.size(); }
  char here() const { return at_end() ? '\0' : source_[at_]; }
  bool take(std::string_view text) {
    if (!source_.substr(at_).starts_with(text)) return false;
    at_ += text.size();
    return true;
  }

  void fail(const std::string& what) {
    if (failed()) return;
    const auto line =
        1 + std::ranges::count(source_.substr(0, std::min(at_, source_.size())), '\n');
    error_ = "line " + std::to_string(line) + ": " + what;
  }

  void skip_space(bool newlines) {
    while (!at_end()) {
      if (here() == '#') {
        while (!at_end() && here() != '\n') ++at_;
      } else if (here() == ' ' || here() == '\t' || here() == '\r' ||
                 (newlines && here() == '\n')) {
        ++at_;
      } else {
        return;
      }
    }
  }

  std::string parse_name() {
    const size_t begin = at_;
    while (!at_end() && is_name_letter(here())) ++at_;
    if (at_ == begin) fail("a name is expected here");
    return std::string(source_.substr(begin, at_ - begin));
  }

  void parse_rule() {
    const std::string name = parse_name();
    skip_space(false);
    if (!failed() && !take("::=")) fail("\"::=\" is expected after `" + name + "`");
    skip_space(true);
    GbnfNode node = parse_choice(false, 0);
    if (failed()) return;
    skip_space(false);
    if (!at_end() && here() != '\n') return fail("the rule `" + name + "` does not end here");
    skip_space(true);
    if (!grammar_.rules.emplace(name, std::move(node)).second) {
      fail("the rule `" + name + "` is there twice");
    }
    if (grammar_.rules.size() > kMaxRules) {
      fail("more than " + std::to_string(kMaxRules) + " rules");
    }
  }

  // Alternatives go on behind a line end if that line ends, or the next begins, with a bar.
  GbnfNode parse_choice(bool nested, int depth) {
    GbnfNode choice{GbnfNode::Kind::kChoice, "", {}};
    if (depth > kMaxDepth) {
      fail("more than " + std::to_string(kMaxDepth) + " nested groups");
      return choice;
    }
    choice.children.push_back(parse_sequence(nested, depth));
    while (!failed()) {
      const size_t before = at_;
      skip_space(true);
      if (!take("|")) {
        if (!nested) at_ = before;
        break;
      }
      skip_space(true);
      choice.children.push_back(parse_sequence(nested, depth));
    }
    if (choice.children.size() == 1) return std::move(choice.children[0]);
    return choice;
  }

  GbnfNode parse_sequence(bool nested, int depth) {
    GbnfNode sequence{GbnfNode::Kind::kSequence, "", {}};
    while (!failed()) {
      skip_space(nested);
      const char next = here();
      if (at_end() || next == '|' || next == ')' || next == '\n') break;
      sequence.children.push_back(parse_item(depth));
    }
    return sequence;
  }

  GbnfNode parse_item(int depth) {
    GbnfNode node = parse_element(depth);
    parse_repetition(node);
    return node;
  }

  GbnfNode parse_element(int depth) {
    if (take("\"")) return parse_literal();
    if (take("[")) return parse_class();
    if (take("(")) {
      // In a group of its own, so that a repetition is that of the whole group.
      GbnfNode group{GbnfNode::Kind::kSequence, "", {}};
      group.children.push_back(parse_choice(true, depth + 1));
      if (!failed() && !take(")")) fail("\")\" is missing");
      return group;
    }
    if (take(".")) return {GbnfNode::Kind::kClass, "[^\\n]", {}};
    if (is_name_letter(here())) return {GbnfNode::Kind::kRule, parse_name(), {}};
    fail(std::string("`") + here() + "` is not expected here");
    return {};
  }

  uint32_t parse_character() {
    if (here() != '\\') return read_utf8();
    ++at_;
    if (at_end()) {
      fail("the grammar ends in an escape");
      return 0;
    }
    const char escape = here();
    ++at_;
    switch (escape) {
      case 'n':
        return '\n';
      case 't':
        return '\t';
      case 'r':
        return '\r';
      case 'x':
        return parse_hex(2);
      case 'u':
        return parse_hex(4);
      case 'U':
        return parse_hex(8);
      case '\\':
      case '"':
      case '[':
      case ']':
      case '-':
      case '^':
      case '/':
        return static_cast<unsigned char>(escape);
      default:
        fail(std::string("unknown escape `\\") + escape + "`");
        return 0;
    }
  }

  uint32_t parse_hex(size_t digits) {
    uint32_t value = 0;
    const std::string_view text = source_.substr(std::min(at_, source_.size()), digits);
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value, 16);
    if (text.size() != digits || parsed.ptr != text.data() + digits || value > 0x10FFFF ||
        (value >= 0xD800 && value < 0xE000)) {
      fail("\\x, \\u and \\U need 2, 4 and 8 hexadecimal digits of a character");
      return 0;
    }
    at_ += digits;
    return value;
  }

  uint32_t read_utf8() {
    const size_t size = utf8_length(static_cast<unsigned char>(here()));
    const std::string_view bytes = source_.substr(at_, size);
    at_ += bytes.size();
    const auto lead = static_cast<unsigned char>(bytes[0]);
    if (size == 1) return lead;
    uint32_t point = lead & (0x7Fu >> size);
    for (const char byte : bytes.substr(1))
      point = point << 6 | (static_cast<uint32_t>(byte) & 0x3F);
    return point;
  }

  GbnfNode parse_literal() {
    GbnfNode literal{GbnfNode::Kind::kLiteral, "", {}};
    while (!failed() && !take("\"")) {
      if (at_end() || here() == '\n') {
        fail("the text has no closing quote");
        break;
      }
      append_character(parse_character(), literal.text);
    }
    return literal;
  }

  void append_class_character(uint32_t point, std::string& out) {
    std::string character;
    append_character(point, character);
    append_escaped(character, out);
  }

  GbnfNode parse_class() {
    GbnfNode node{GbnfNode::Kind::kClass, "[", {}};
    if (take("^")) node.text += '^';
    const size_t empty = node.text.size();
    while (!failed() && !take("]")) {
      if (at_end() || here() == '\n') {
        fail("the class has no closing bracket");
        break;
      }
      const uint32_t first = parse_character();
      append_class_character(first, node.text);
      if (here() != '-' || source_.substr(at_).starts_with("-]")) continue;
      ++at_;
      if (at_end()) continue;
      const uint32_t last = parse_character();
      if (last < first) fail("the range of the class runs backwards");
      node.text += '-';
      append_class_character(last, node.text);
    }
    if (node.text.size() == empty) fail("the class is empty");
    node.text += ']';
    return node;
  }

  int parse_count() {
    int value = 0;
    const std::string_view text = source_.substr(at_);
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
    if (parsed.ec != std::errc() || value < 0 || value > kMaxRepetitions) {
      fail("a repetition must be a number from 0 to " + std::to_string(kMaxRepetitions));
      return 0;
    }
    at_ += static_cast<size_t>(parsed.ptr - text.data());
    return value;
  }

  void parse_repetition(GbnfNode& node) {
    if (take("*")) {
      node.least = 0;
      node.most = GbnfNode::kUnbounded;
    } else if (take("+")) {
      node.most = GbnfNode::kUnbounded;
    } else if (take("?")) {
      node.least = 0;
    } else if (take("{")) {
      skip_space(false);
      node.least = here() == ',' ? 0 : parse_count();
      node.most = node.least;
      skip_space(false);
      if (take(",")) {
        skip_space(false);
        node.most = here() == '}' ? GbnfNode::kUnbounded : parse_count();
        skip_space(false);
      }
      if (!failed() && !take("}")) fail("\"}\" is missing");
      if (node.most != GbnfNode::kUnbounded && node.most < node.least) {
        fail("the repetition runs backwards");
      }
    }
  }

  void check_calls() {
    if (!grammar_.rules.contains("root")) return fail("there is no rule `root`");
    for (const auto& [name, node] : grammar_.rules) check_calls(node, name);
  }

  void check_calls(const GbnfNode& node, const std::string& rule) {
    if (node.kind == GbnfNode::Kind::kRule && !grammar_.rules.contains(node.text) && !failed()) {
      error_ = "the rule `" + rule + "` calls `" + node.text + "`, which is not there";
    }
    for (const GbnfNode& child : node.children) check_calls(child, rule);
  }

  const std::string_view source_;
  size_t at_ = 0;
  std::string error_;
  GbnfGrammar grammar_;
};

}  // namespace

std::string regex_of_literal(std::string_view text) {
  std::string regex;
  for (size_t i = 0; i < text.size();) {
    const size_t size = utf8_length(static_cast<unsigned char>(text[i]));
    append_escaped(text.substr(i, size), regex);
    i += size;
  }
  return regex;
}

Result<GbnfGrammar> parse_gbnf(std::string_view source) {
  if (source.size() > kMaxSourceBytes) {
    return Error(ErrorCode::kInvalidArgument, "GBNF grammar: " + std::to_string(source.size()) +
                                                  " bytes are too many (at most " +
                                                  std::to_string(kMaxSourceBytes) + ").");
  }
  if (const auto bad = find_invalid_utf8(source)) {
    return Error(ErrorCode::kInvalidArgument,
                 "GBNF grammar: not UTF-8 at byte " + std::to_string(*bad) + ".");
  }
  return Parser(source).parse();
}

}  // namespace trivet
