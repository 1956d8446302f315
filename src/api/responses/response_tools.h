// Tools of the Responses API, made into those of chat completions.
#ifndef TRIVET_API_RESPONSES_RESPONSE_TOOLS_H_
#define TRIVET_API_RESPONSES_RESPONSE_TOOLS_H_

#include <string>
#include <vector>

#include "api/json_fields.h"

namespace trivet {

struct ResponseTools {
  bool parallel = true;
  std::string echoed_tools = "[]", echoed_choice = "\"auto\"";  // JSON
  std::vector<std::string> ignored;                             // "tools[2].web_search"
};

// Reads "tools", "tool_choice" and "parallel_tool_calls" and writes the chat's members of that
// name. Tools that are no functions are run by the one who hosts the model; there are none here, so
// they are left out.
ResponseTools read_response_tools(Fields& fields, JsonWriter& writer);

}  // namespace trivet

#endif  // TRIVET_API_RESPONSES_RESPONSE_TOOLS_H_
