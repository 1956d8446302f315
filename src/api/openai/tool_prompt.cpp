#include "api/openai/tool_prompt.h"

#include "api/json_fields.h"

namespace trivet {
namespace {

using simdjson::dom::array;
using simdjson::dom::element;
using simdjson::dom::object;

std::string_view text_of(const object& fields, std::string_view name) {
  std::string_view text;
  return fields.at_key(name).get(text) ? std::string_view() : text;
}

std::string instructions(std::string_view tools_json, bool must_call) {
  std::string text = "You can call functions. These are the functions, one JSON object a line:\n";
  JsonDocument document;
  const auto tools = document.parse(tools_json);
  array items;
  if (tools && !tools->get(items)) {
    for (const element item : items) text += to_json(item) + "\n";
  }
  text +=
      "To call a function, write a JSON object with its name and its arguments between "
      "<tool_call> and </tool_call>:\n"
      "<tool_call>\n{\"name\": \"...\", \"arguments\": {...}}\n</tool_call>\n"
      "What it returns comes back between <tool_response> and </tool_response>. ";
  text += must_call ? "Call a function now." : "Call a function only if it is needed.";
  return text;
}

std::string call_text(element call) {
  object fields, function;
  element arguments;
  if (call.get(fields) || fields.at_key("function").get(function)) return {};
  std::string text = "<tool_call>\n";
  JsonWriter writer(text);
  writer.begin_object();
  writer.key("name").string(text_of(function, "name"));
  writer.key("arguments");
  if (function.at_key("arguments").get(arguments)) {
    writer.begin_object().end_object();
  } else {
    write_element(writer, arguments);
  }
  writer.end_object();
  return text + "\n</tool_call>";
}

class MessageRewriter {
 public:
  explicit MessageRewriter(std::string instructions)
      : instructions_(std::move(instructions)), writer_(out_) {}

  std::string rewrite(const array& messages) {
    writer_.begin_array();
    for (const element item : messages) {
      object message;
      if (!item.get(message)) take(message);
    }
    flush_results();
    writer_.end_array();
    return std::move(out_);
  }

 private:
  void take(const object& message) {
    const std::string_view role = text_of(message, "role");
    std::string text(text_of(message, "content"));
    const bool is_system = role == "system" || role == "developer";
    if (!is_system) write_instructions();
    if (role == "tool") {
      if (!results_.empty()) results_ += '\n';
      results_ += "<tool_response>\n" + text + "\n</tool_response>";
      return;
    }
    if (is_system && !instructions_.empty()) {
      if (!text.empty()) text += "\n\n";
      text += std::exchange(instructions_, {});
    }
    if (role == "user" && !results_.empty()) {
      text = std::exchange(results_, {}) + "\n" + text;
    }
    flush_results();
    append_calls(message, text);
    write(role, text);
  }

  void write_instructions() {
    if (!instructions_.empty()) write("system", std::exchange(instructions_, {}));
  }

  void flush_results() {
    if (!results_.empty()) write("user", std::exchange(results_, {}));
  }

  static void append_calls(const object& message, std::string& text) {
    array calls;
    if (message.at_key("tool_calls").get(calls)) return;
    for (const element call : calls) {
      if (!text.empty()) text += '\n';
      text += call_text(call);
    }
  }

  void write(std::string_view role, std::string_view text) {
    writer_.begin_object();
    writer_.key("role").string(role);
    writer_.key("content").string(text);
    writer_.end_object();
  }

  std::string instructions_, results_, out_;
  JsonWriter writer_;
};

}  // namespace

bool template_shows_tools(std::string_view template_source) {
  return template_source.find("tools") != std::string_view::npos;
}

std::string messages_with_tools(std::string_view messages_json, std::string_view tools_json,
                                bool must_call) {
  JsonDocument document;
  const auto parsed = document.parse(messages_json);
  array messages;
  if (!parsed || parsed->get(messages)) return std::string(messages_json);
  return MessageRewriter(tools_json.empty() ? "" : instructions(tools_json, must_call))
      .rewrite(messages);
}

}  // namespace trivet
