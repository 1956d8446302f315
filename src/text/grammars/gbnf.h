// GBNF, llama.cpp's way to write grammars, in the terms of ours.
#ifndef TRIVET_TEXT_GRAMMARS_GBNF_H_
#define TRIVET_TEXT_GRAMMARS_GBNF_H_

#include <string>
#include <string_view>

#include "base/result.h"
#include "text/grammar.h"

namespace trivet {

struct TranslatedGrammar {
  GrammarKind kind = GrammarKind::kLark;
  std::string source;
};

// Whether a text that may be either is GBNF (or another EBNF with "::="), not Lark.
bool is_gbnf(std::string_view source);

// A grammar whose rules do not call themselves becomes one regular expression and means exactly the
// same. Else its rules become those of a Lark grammar; rules that do not call themselves become
// terminals, of which the longest match counts: `[a-z]+ "x"` then never ends. Bounded in size and
// depth; errors are kInvalidArgument and say the line.
Result<TranslatedGrammar> translate_gbnf(std::string_view source);

}  // namespace trivet

#endif  // TRIVET_TEXT_GRAMMARS_GBNF_H_
