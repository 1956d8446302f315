#include "api/openai/messages.h"

namespace trivet {
namespace {

using simdjson::dom::element;
using simdjson::dom::object;

class MessageReader {
 public:
  MessageReader(FirstError& error, size_t index)
      : error_(error), path_("messages[" + std::to_string(index) + "].") {}

  void read(object message, JsonWriter& writer, ChatMessages& messages) {
    Fields fields(message, error_, path_);
    messages.last_role.clear();
    fields.read("role", messages.last_role);
    if (messages.last_role.empty()) {
      error_.bad_request("`" + path_ + "role` must be a non-empty string.", "messages");
      return;
    }
    messages.last_text = content_text(fields);
    messages.speaks_of_tools =
        messages.speaks_of_tools || messages.last_role == "tool" || fields.has("tool_calls");
    writer.begin_object();
    writer.key("role").string(messages.last_role);
    writer.key("content").string(messages.last_text);
    write_reasoning(fields, writer);
    write_tool_calls(fields, writer);
    fields.write_unread(writer);
    writer.end_object();
  }

 private:
  std::string content_text(Fields& fields) {
    const auto content = fields.find("content");
    if (!content) return {};
    if (content->is_string()) return std::string(content->get_string().value_unsafe());
    if (!content->is_array()) {
      fields.wrong_type("content", "a string or an array of parts", *content);
      return {};
    }
    const simdjson::dom::array parts = content->get_array().value_unsafe();
    std::string text;
    bool first = true;
    for (const element part : parts) {
      if (!first) text += '\n';
      first = false;
      text += part_text(part);
    }
    return text;
  }

  std::string part_text(element part) {
    if (part.is_string()) return std::string(part.get_string().value_unsafe());
    object fields_of_part;
    if (part.get(fields_of_part)) {
      error_.bad_request("`" + path_ + "content` must hold parts that are objects, got " +
                             std::string(type_name(part)) + ".",
                         "messages");
      return {};
    }
    Fields fields(fields_of_part, error_, path_ + "content.");
    std::string type, text;
    fields.read("type", type);
    if (type == "text" || type == "input_text" || type == "output_text" || type == "refusal") {
      const std::string_view name = type == "refusal" ? "refusal" : "text";
      fields.read(name, text);
      if (!fields.has(name)) {
        error_.bad_request("`" + path_ + "content." + std::string(name) + "` is missing.",
                           "messages");
      }
      return text;
    }
    error_.bad_request("`" + path_ + "content` has a part of type \"" + type +
                           "\"; this model takes only parts of type \"text\".",
                       "messages");
    return {};
  }

  static void write_reasoning(Fields& fields, JsonWriter& writer) {
    auto reasoning = fields.find("reasoning");
    const auto content = fields.find("reasoning_content");
    if (!reasoning) reasoning = content;
    if (!reasoning) return;
    for (const char* name : {"reasoning", "reasoning_content"}) {
      writer.key(name);
      write_element(writer, *reasoning);
    }
  }

  void write_tool_calls(Fields& fields, JsonWriter& writer) {
    const auto calls = fields.read_array("tool_calls");
    if (!calls || calls->size() == 0) return;
    writer.key("tool_calls").begin_array();
    for (const element call : *calls) write_tool_call(call, writer);
    writer.end_array();
  }

  void write_tool_call(element call, JsonWriter& writer) {
    object fields_of_call;
    if (call.get(fields_of_call)) {
      error_.bad_request(
          "`" + path_ + "tool_calls` must hold objects, got " + std::string(type_name(call)) + ".",
          "messages");
      return;
    }
    writer.begin_object();
    for (const auto field : fields_of_call) {
      writer.key(field.key);
      object function;
      if (field.key == "function" && !field.value.get(function)) {
        write_function(function, writer);
      } else {
        write_element(writer, field.value);
      }
    }
    writer.end_object();
  }

  static void write_function(object function, JsonWriter& writer) {
    writer.begin_object();
    for (const auto field : function) {
      writer.key(field.key);
      std::string_view text;
      if (field.key == "arguments" && !field.value.get(text)) {
        write_arguments(text, writer);
      } else {
        write_element(writer, field.value);
      }
    }
    writer.end_object();
  }

  // A model may have written arguments that are not JSON: then the template gets the string.
  static void write_arguments(std::string_view text, JsonWriter& writer) {
    if (text.empty()) {
      writer.begin_object().end_object();
      return;
    }
    JsonDocument document;
    if (const auto arguments = document.parse(text)) {
      write_element(writer, *arguments);
    } else {
      writer.string(text);
    }
  }

  FirstError& error_;
  const std::string path_;
};

}  // namespace

ChatMessages read_messages(Fields& fields) {
  ChatMessages messages;
  const auto array = fields.read_array("messages");
  if (!array || array->size() == 0) {
    fields.error().bad_request("`messages` must have at least one message.", "messages");
    return messages;
  }
  JsonWriter writer(messages.json);
  writer.begin_array();
  size_t index = 0;
  for (const element item : *array) {
    if (fields.error()) return messages;
    object message;
    if (item.get(message)) {
      fields.wrong_type("messages", "an array of objects", item);
      return messages;
    }
    MessageReader(fields.error(), index++).read(message, writer, messages);
  }
  writer.end_array();
  return messages;
}

}  // namespace trivet
