// The syntax of GBNF.
#ifndef TRIVET_TEXT_GRAMMARS_GBNF_PARSER_H_
#define TRIVET_TEXT_GRAMMARS_GBNF_PARSER_H_

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace trivet {

struct GbnfNode {
  enum class Kind { kLiteral, kClass, kRule, kSequence, kChoice };
  static constexpr int kUnbounded = -1;

  Kind kind = Kind::kSequence;
  // The literal's characters (UTF-8), the class as a regular expression, the rule's name.
  std::string text;
  std::vector<GbnfNode> children;
  int least = 1, most = 1;  // repetitions
};

struct GbnfGrammar {
  std::map<std::string, GbnfNode> rules;  // with a "root"; every rule that is called is there
};

// Bounded in size and depth. kInvalidArgument with the line.
Result<GbnfGrammar> parse_gbnf(std::string_view source);

// Text as a regular expression that matches just that.
std::string regex_of_literal(std::string_view text);

}  // namespace trivet

#endif  // TRIVET_TEXT_GRAMMARS_GBNF_PARSER_H_
