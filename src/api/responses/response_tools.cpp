#include "api/responses/response_tools.h"

namespace trivet {
namespace {

using simdjson::dom::element;
using simdjson::dom::object;

// Flat here, under "function" there. False: not a function.
bool write_function(object tool, size_t index, FirstError& error, JsonWriter& writer,
                    std::vector<std::string>& ignored) {
  const std::string path = "tools[" + std::to_string(index) + "].";
  Fields fields(tool, error, path);
  std::string type, name;
  fields.read("type", type);
  if (type != "function") {
    if (type.empty()) error.bad_request("`" + path + "type` is missing.", "tools");
    ignored.push_back(path + type);
    return false;
  }
  fields.read("name", name);
  if (name.empty()) error.bad_request("`" + path + "name` is missing.", "tools");
  writer.begin_object();
  writer.key("type").string("function");
  writer.key("function").begin_object();
  writer.key("name").string(name);
  fields.write_unread(writer);
  writer.end_object().end_object();
  return true;
}

// {"type": "function", "name"} -> {"type": "function", "function": {"name"}}
void write_named(JsonWriter& writer, std::string_view name) {
  writer.begin_object();
  writer.key("type").string("function");
  writer.key("function").begin_object().key("name").string(name).end_object();
  writer.end_object();
}

void write_allowed(Fields& choice, JsonWriter& writer) {
  std::string mode = "auto";
  choice.read("mode", mode);
  writer.key("tool_choice").begin_object();
  writer.key("type").string("allowed_tools");
  writer.key("allowed_tools").begin_object();
  writer.key("mode").string(mode);
  writer.key("tools").begin_array();
  if (const auto tools = choice.read_array("tools")) {
    for (const element item : *tools) {
      object tool;
      std::string_view name;
      if (!item.get(tool) && !tool.at_key("name").get(name)) write_named(writer, name);
    }
  }
  writer.end_array().end_object().end_object();
}

void write_choice(Fields& fields, element choice, JsonWriter& writer) {
  std::string_view text;
  if (!choice.get(text)) {
    writer.key("tool_choice").string(text);
    return;
  }
  object object_choice;
  if (choice.get(object_choice))
    return fields.wrong_type("tool_choice", "a string or an object", choice);
  Fields inner(object_choice, fields.error(), "tool_choice.");
  std::string type, name;
  inner.read("type", type);
  if (type == "allowed_tools") return write_allowed(inner, writer);
  inner.read("name", name);
  if (type != "function" || name.empty()) {
    return fields.error().bad_request(
        "`tool_choice` must be none, auto, required, {\"type\": \"function\", \"name\": ...} or "
        "{\"type\": \"allowed_tools\", ...}.",
        "tool_choice");
  }
  write_named(writer.key("tool_choice"), name);
}

}  // namespace

ResponseTools read_response_tools(Fields& fields, JsonWriter& writer) {
  ResponseTools tools;
  const auto array = fields.read_array("tools");
  size_t written = 0;
  if (array && array->size() > 0) {
    tools.echoed_tools = to_json(*fields.find("tools"));
    std::string functions;
    JsonWriter function_writer(functions);
    function_writer.begin_array();
    size_t index = 0;
    for (const element item : *array) {
      object tool;
      if (item.get(tool)) {
        fields.wrong_type("tools", "an array of objects", item);
        break;
      }
      written += write_function(tool, index++, fields.error(), function_writer, tools.ignored);
    }
    function_writer.end_array();
    if (written > 0) writer.key("tools").raw(functions);
  }
  const auto choice = fields.find("tool_choice");
  if (choice) tools.echoed_choice = to_json(*choice);
  // "auto" without a function that could be called means nothing.
  const bool plain = choice && choice->is_string() && choice->get_string().value_unsafe() == "auto";
  if (choice && (written > 0 || !plain)) write_choice(fields, *choice, writer);
  fields.read("parallel_tool_calls", tools.parallel);
  if (written > 0) writer.key("parallel_tool_calls").boolean(tools.parallel);
  return tools;
}

}  // namespace trivet
