#include "api/tool_arguments.h"

#include "api/json_fields.h"

namespace trivet {

void write_tool_arguments(JsonWriter& writer, std::string_view arguments) {
  JsonDocument document;
  const auto parsed = document.parse(arguments.empty() ? "{}" : arguments);
  if (parsed && parsed->is_object()) return write_element(writer, *parsed);
  writer.begin_object().key("invalid_json").string(arguments).end_object();
}

}  // namespace trivet
