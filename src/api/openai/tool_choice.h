// The tools of a chat request, and which of them the model may or must call.
#ifndef TRIVET_API_OPENAI_TOOL_CHOICE_H_
#define TRIVET_API_OPENAI_TOOL_CHOICE_H_

#include <vector>

#include "api/json_fields.h"
#include "dialects/tool_signature.h"

namespace trivet {

struct ToolUse {
  std::vector<ToolSignature> tools;  // that may be called; empty: none is shown to the model
  bool must_call = false;
  bool parallel = true;  // several calls in one answer
};

// Reads "tools", "tool_choice" and "parallel_tool_calls"; errors go to the fields' error.
ToolUse read_tool_use(Fields& fields);

}  // namespace trivet

#endif  // TRIVET_API_OPENAI_TOOL_CHOICE_H_
