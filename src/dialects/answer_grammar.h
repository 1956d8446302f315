// What an answer may be, as one Lark grammar: reasoning, then text and calls, or calls alone, or
// content of a given form. The same data that the parser reads by.
#ifndef TRIVET_DIALECTS_ANSWER_GRAMMAR_H_
#define TRIVET_DIALECTS_ANSWER_GRAMMAR_H_

#include <string>
#include <string_view>

#include "dialects/message_format.h"
#include "text/tokenizer.h"

namespace trivet {

struct AnswerRules {
  bool must_call = false;         // nothing but calls; else text or calls, as the model likes
  bool may_reason = true;         // before all else
  std::string_view content = {};  // Lark for content without calls; empty = any text
};

// The source for GrammarKind::kLark. `format.tools` are those that may be called; with none,
// only the content is ruled.
std::string answer_grammar(const MessageFormat& format, const AnswerRules& rules,
                           const Tokenizer& tokenizer);

// A mark that only begins calls, so that free text is ruled from there on. Without one, calls
// among free text cannot be ruled.
bool has_sure_opener(const Dialect& dialect);

}  // namespace trivet

#endif  // TRIVET_DIALECTS_ANSWER_GRAMMAR_H_
