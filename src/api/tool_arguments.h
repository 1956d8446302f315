// Arguments of tool calls in wire formats where they are an object, not JSON in a string.
#ifndef TRIVET_API_TOOL_ARGUMENTS_H_
#define TRIVET_API_TOOL_ARGUMENTS_H_

#include <string_view>

#include "api/json_writer.h"

namespace trivet {

// Writes the object; of a text that is none (a model may write anything) {"invalid_json": text}.
void write_tool_arguments(JsonWriter& writer, std::string_view arguments);

}  // namespace trivet

#endif  // TRIVET_API_TOOL_ARGUMENTS_H_
