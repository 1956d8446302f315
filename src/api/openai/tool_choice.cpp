#include "api/openai/tool_choice.h"

#include <algorithm>

namespace trivet {
namespace {

using simdjson::dom::array;
using simdjson::dom::element;
using simdjson::dom::object;

constexpr size_t kMaxTools = 512;
constexpr size_t kMaxNameBytes = 256;
constexpr std::string_view kChoices =
    "`tool_choice` must be \"none\", \"auto\", \"required\", {\"type\": \"function\", "
    "\"function\": "
    "{\"name\": ...}} or {\"type\": \"allowed_tools\", \"allowed_tools\": {\"mode\": ..., "
    "\"tools\": [...]}}.";

// Names stand bare in the texts of many models.
bool is_name(std::string_view name) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("_-.:").find(c) != std::string_view::npos;
  };
  return !name.empty() && name.size() <= kMaxNameBytes && std::ranges::all_of(name, fits);
}

// {"type": "function", "function": {...}}
bool read_function(element item, object& function, std::string_view& name) {
  object tool;
  std::string_view type = "function";
  if (item.get(tool)) return false;
  if (!tool.at_key("type").error() && tool.at_key("type").get(type)) return false;
  return type == "function" && !tool.at_key("function").get(function) &&
         !function.at_key("name").get(name) && !name.empty();
}

class ToolReader {
 public:
  explicit ToolReader(Fields& fields) : fields_(fields) {}

  ToolUse read() {
    read_tools();
    fields_.read("parallel_tool_calls", use_.parallel);
    if (!fields_.error()) read_choice();
    return std::move(use_);
  }

 private:
  void refuse(std::string message, const char* param) {
    fields_.error().bad_request(std::move(message), param);
  }

  void read_tools() {
    const auto tools = fields_.read_array("tools");
    if (!tools) return;
    if (tools->size() > kMaxTools) {
      return refuse("`tools` holds " + std::to_string(tools->size()) + " tools, at most " +
                        std::to_string(kMaxTools) + " are allowed.",
                    "tools");
    }
    for (const element item : *tools) {
      if (fields_.error()) return;
      read_tool(item);
    }
  }

  void read_tool(element item) {
    object function;
    std::string_view name;
    if (!read_function(item, function, name)) {
      return refuse(
          "`tools` must hold objects {\"type\": \"function\", \"function\": {\"name\": ...}}.",
          "tools");
    }
    if (!is_name(name)) {
      return refuse("The tool name \"" + std::string(name.substr(0, kMaxNameBytes)) +
                        "\" must be 1 to 256 letters, digits and _ - . :",
                    "tools");
    }
    std::string schema;
    if (const auto parameters = function.at_key("parameters"); !parameters.error()) {
      schema = read_schema(parameters.value_unsafe(), name);
    }
    bool strict = false;
    if (!function.at_key("strict").error() && function.at_key("strict").get(strict)) {
      element value = function.at_key("strict").value_unsafe();
      if (!value.is_null()) fields_.wrong_type("tools.function.strict", "true or false", value);
    }
    use_.tools.push_back(read_signature(std::string(name), std::move(schema), strict));
  }

  std::string read_schema(element parameters, std::string_view name) {
    if (parameters.is_null()) return {};
    object schema;
    if (parameters.get(schema)) {
      refuse("The `parameters` of the tool \"" + std::string(name) +
                 "\" must be a JSON schema of type \"object\".",
             "tools");
      return {};
    }
    if (!schema.at_key("x-guidance").error()) {
      refuse("The `parameters` of the tool \"" + std::string(name) +
                 "\" have the keyword `x-guidance`; leave it out.",
             "tools");
    }
    return schema.size() == 0 ? std::string() : to_json(parameters);
  }

  void read_choice() {
    const auto choice = fields_.find("tool_choice");
    if (!choice) return;
    const std::string_view text = choice->is_string() ? choice->get_string().value_unsafe() : "";
    if (text == "none") return use_.tools.clear();
    if (use_.tools.empty()) return refuse("`tool_choice` needs `tools`.", "tool_choice");
    if (text == "auto") return;
    if (text == "required" || text == "any") {
      use_.must_call = true;
      return;
    }
    object fields;
    std::string_view type;
    if (choice->get(fields)) return refuse(std::string(kChoices), "tool_choice");
    if (!fields.at_key("type").get(type) && type == "allowed_tools") return read_allowed(fields);
    read_named(*choice);
  }

  void read_named(element choice) {
    object function;
    std::string_view name;
    if (!read_function(choice, function, name)) {
      return refuse(std::string(kChoices), "tool_choice");
    }
    keep({std::string(name)});
    use_.must_call = true;
    use_.parallel = false;
  }

  void read_allowed(object choice) {
    object allowed = choice;
    array tools;
    std::string_view mode;
    if (choice.at_key("allowed_tools").get(allowed) || allowed.at_key("tools").get(tools) ||
        allowed.at_key("mode").get(mode) || (mode != "auto" && mode != "required")) {
      return refuse(std::string(kChoices), "tool_choice");
    }
    std::vector<std::string> names;
    for (const element item : tools) {
      object function;
      std::string_view name;
      if (!read_function(item, function, name)) {
        return refuse(std::string(kChoices), "tool_choice");
      }
      names.emplace_back(name);
    }
    if (names.empty()) return refuse("`allowed_tools.tools` must not be empty.", "tool_choice");
    keep(names);
    use_.must_call = mode == "required";
  }

  // Only these may be called.
  void keep(const std::vector<std::string>& names) {
    for (const std::string& name : names) {
      const auto is_it = [&](const ToolSignature& tool) { return tool.name == name; };
      if (std::ranges::none_of(use_.tools, is_it)) {
        return refuse("`tool_choice` names the tool \"" + name + "\", which is not in `tools`.",
                      "tool_choice");
      }
    }
    std::erase_if(use_.tools, [&](const ToolSignature& tool) {
      return std::ranges::find(names, tool.name) == names.end();
    });
  }

  Fields& fields_;
  ToolUse use_;
};

}  // namespace

ToolUse read_tool_use(Fields& fields) { return ToolReader(fields).read(); }

}  // namespace trivet
