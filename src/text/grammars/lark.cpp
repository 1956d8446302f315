#include "text/grammars/lark.h"

#include "text/grammars/gbnf_parser.h"

namespace trivet {

std::string lark_literal(std::string_view text) {
  if (text.empty()) return "\"\"";
  return "/" + regex_of_literal(text) + "/";
}

// A slash or a line end would end the terminal.
std::string lark_regex(std::string_view pattern) {
  std::string escaped = "/";
  for (size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] == '\\' && i + 1 < pattern.size()) {
      escaped += pattern.substr(i++, 2);
    } else if (pattern[i] == '/') {
      escaped += "\\/";
    } else if (pattern[i] == '\n') {
      escaped += "\\n";
    } else {
      escaped += pattern[i];
    }
  }
  return escaped + "/";
}

// The option is the one that json_schema.rs sets for whole answers.
std::string lark_json(std::string_view schema) {
  std::string result = R"(%json {"x-guidance":{"whitespace_flexible":true,"whitespace_pattern":)"
                       R"("[ ]|\\r?\\n[ \\t]{0,40}|\\t"})";
  const size_t open = schema.find('{');
  if (schema == "false") return "%json false";
  if (open == std::string_view::npos) return result + "}";
  const std::string_view rest = schema.substr(open + 1);
  const size_t next = rest.find_first_not_of(" \t\r\n");
  if (next != std::string_view::npos && rest[next] != '}') result += ',';
  return result.append(rest);
}

std::string lark_rule(GrammarKind kind, std::string_view source) {
  switch (kind) {
    case GrammarKind::kJsonSchema:
      return lark_json(source);
    case GrammarKind::kRegex:
      return lark_regex(source);
    case GrammarKind::kLark:
      break;
  }
  return "%lark {\n" + std::string(source) + "\n}";
}

}  // namespace trivet
