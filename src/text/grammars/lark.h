// Pieces of Lark grammars, for grammars that are put together from other ones.
#ifndef TRIVET_TEXT_GRAMMARS_LARK_H_
#define TRIVET_TEXT_GRAMMARS_LARK_H_

#include <string>
#include <string_view>

#include "text/grammar.h"

namespace trivet {

// Just this text.
std::string lark_literal(std::string_view text);

// A regular expression as a terminal.
std::string lark_regex(std::string_view pattern);

// JSON that conforms to the schema, with the white space that whole answers may have. `schema`: a
// JSON object or a boolean; what is wrong with it shows when the grammar is compiled.
std::string lark_json(std::string_view schema);

// The body of a rule that means the whole of another grammar.
std::string lark_rule(GrammarKind kind, std::string_view source);

}  // namespace trivet

#endif  // TRIVET_TEXT_GRAMMARS_LARK_H_
