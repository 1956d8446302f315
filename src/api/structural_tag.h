// Structural tags: free text with parts in a fixed form, as vLLM and xgrammar describe them.
#ifndef TRIVET_API_STRUCTURAL_TAG_H_
#define TRIVET_API_STRUCTURAL_TAG_H_

#include <simdjson.h>

#include <string>

#include "base/result.h"

namespace trivet {

// As a Lark grammar. `tag` is the object, or its text. Two forms:
// - {"structures": [{"begin", "schema", "end"}], "triggers": [..]}: free text; once a trigger is
//   written, one of the structures that begin with it must follow.
// - {"format": F} where F has a "type": const_string, json_schema, regex, grammar, any_text,
//   sequence, or, tag, triggered_tags, tags_with_separator.
// kInvalidArgument says what is not understood.
Result<std::string> translate_structural_tag(simdjson::dom::element tag);

}  // namespace trivet

#endif  // TRIVET_API_STRUCTURAL_TAG_H_
