// Rules for the values of calls that are not written in JSON.
#ifndef TRIVET_DIALECTS_VALUE_GRAMMAR_H_
#define TRIVET_DIALECTS_VALUE_GRAMMAR_H_

#include <string>

#include "dialects/lark_writer.h"
#include "dialects/tool_signature.h"

namespace trivet {

// A Python literal that the parameter takes. What stands inside lists and dicts is not ruled.
std::string python_value_rule(LarkWriter& lark, const ToolParameter& parameter);
// The same in Gemma's way.
std::string key_value_rule(LarkWriter& lark, const ToolParameter& parameter,
                           std::string_view quote);

}  // namespace trivet

#endif  // TRIVET_DIALECTS_VALUE_GRAMMAR_H_
