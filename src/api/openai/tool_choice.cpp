#include "api/openai/tool_choice.h"

#include <algorithm>

namespace trivet {
namespace {

using simdjson::dom::element;
using simdjson::dom::object;

// The names of the tools; each must be a function.
std::vector<std::string> tool_names(Fields& fields) {
  std::vector<std::string> names;
  const auto tools = fields.read_array("tools");
  if (!tools) return names;
  for (const element item : *tools) {
    object tool, function;
    std::string_view type = "function", name;
    const bool is_object = !item.get(tool);
    const bool bad_type =
        is_object && !tool.at_key("type").error() && tool.at_key("type").get(type);
    if (!is_object || bad_type || type != "function" || tool.at_key("function").get(function) ||
        function.at_key("name").get(name) || name.empty()) {
      fields.error().bad_request(
          "`tools` must hold objects {\"type\": \"function\", \"function\": {\"name\": ...}}.",
          "tools");
      return names;
    }
    names.emplace_back(name);
  }
  return names;
}

void refuse_forced_tool(Fields& fields, element choice, const std::vector<std::string>& names) {
  object named, function;
  std::string_view name;
  if (choice.get(named) || named.at_key("function").get(function) ||
      function.at_key("name").get(name)) {
    return fields.error().bad_request(
        "`tool_choice` must be \"none\", \"auto\", \"required\" or {\"type\": \"function\", "
        "\"function\": {\"name\": ...}}.",
        "tool_choice");
  }
  if (std::find(names.begin(), names.end(), name) == names.end()) {
    return fields.error().bad_request(
        "`tool_choice` names the tool \"" + std::string(name) + "\", which is not in `tools`.",
        "tool_choice");
  }
  fields.error().not_implemented(
      "`tool_choice` with a named function is not supported yet; use "
      "\"auto\" or \"none\".",
      "tool_choice");
}

}  // namespace

// "none" and "auto" leave it to the model; forcing a call needs constrained decoding.
void check_tool_choice(Fields& fields) {
  const std::vector<std::string> names = tool_names(fields);
  bool parallel_tool_calls = true;
  fields.read("parallel_tool_calls", parallel_tool_calls);
  const auto choice = fields.find("tool_choice");
  if (!choice) return;
  const std::string_view text = choice->is_string() ? choice->get_string().value_unsafe() : "";
  if (text == "none") return;
  if (names.empty()) {
    return fields.error().bad_request("`tool_choice` needs `tools`.", "tool_choice");
  }
  if (text == "auto") return;
  if (text == "required") {
    return fields.error().not_implemented(
        "`tool_choice`: \"required\" is not supported yet; use \"auto\" or \"none\".",
        "tool_choice");
  }
  refuse_forced_tool(fields, *choice, names);
}

}  // namespace trivet
