// The tools of a chat request, and which of them the model may or must call.
#ifndef TRIVET_API_OPENAI_TOOL_CHOICE_H_
#define TRIVET_API_OPENAI_TOOL_CHOICE_H_

#include "api/json_fields.h"

namespace trivet {

// Checks "tools", "tool_choice" and "parallel_tool_calls"; errors go to the fields' error.
void check_tool_choice(Fields& fields);

}  // namespace trivet

#endif  // TRIVET_API_OPENAI_TOOL_CHOICE_H_
