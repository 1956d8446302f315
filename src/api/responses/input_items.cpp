#include "api/responses/input_items.h"

namespace trivet {
namespace {

using simdjson::dom::element;
using simdjson::dom::object;

class ItemReader {
 public:
  ItemReader(FirstError& error, size_t index, std::string_view suffix)
      : error_(error),
        path_("input[" + std::to_string(index) + "]"),
        default_id_("_" + std::string(suffix) + "_i" + std::to_string(index)) {}

  void read(object item, JsonWriter& writer, ChatMessageBuilder& chat, InputItems& input) {
    Fields fields(item, error_, path_ + ".");
    std::string type;
    fields.read("type", type);
    if (type.empty() && fields.has("role")) type = "message";
    if (type == "message") return read_message(fields, writer, chat);
    if (type == "function_call") return read_call(fields, writer, chat);
    if (type == "function_call_output") return read_call_output(fields, writer, chat);
    if (type == "reasoning") return read_reasoning(fields, writer, chat);
    if (type.empty()) return fail("needs a `type`, or a `role` and a `content`");
    if (type == "item_reference") {
      return fail("is an item_reference; send the item itself, or `previous_response_id`");
    }
    input.ignored.push_back(path_ + "." + type);
  }

 private:
  void fail(const std::string& what) {
    error_.bad_request("`" + path_ + "` " + what + ".", "input");
  }

  void begin_item(Fields& fields, JsonWriter& writer, std::string_view type,
                  std::string_view prefix) {
    std::string id;
    fields.read("id", id);
    writer.begin_object();
    writer.key("id").string(id.empty() ? std::string(prefix) + default_id_ : id);
    writer.key("type").string(type);
  }

  void read_message(Fields& fields, JsonWriter& writer, ChatMessageBuilder& chat) {
    std::string role;
    fields.read("role", role);
    if (role != "user" && role != "assistant" && role != "system" && role != "developer") {
      return fail("has the role \"" + role + "\"; it must be user, assistant, system or developer");
    }
    begin_item(fields, writer, "message", "msg");
    writer.key("status").string("completed");
    writer.key("role").string(role);
    writer.key("content").begin_array();
    const std::string text = read_content(fields, "content", writer, role == "assistant");
    writer.end_array().end_object();
    // Templates know no developers; what they say is what the system says.
    chat.add_message(role == "developer" ? "system" : role, text);
  }

  // Writes the parts and returns their text.
  std::string read_content(Fields& fields, std::string_view name, JsonWriter& writer,
                           bool is_output) {
    const auto content = fields.find(name);
    std::string text;
    if (!content) return text;
    if (content->is_string()) {
      text = content->get_string().value_unsafe();
      write_part(writer, is_output ? "output_text" : "input_text", text);
      return text;
    }
    if (!content->is_array()) {
      fields.wrong_type(name, "a string or an array of parts", *content);
      return text;
    }
    bool first = true;
    const simdjson::dom::array parts = content->get_array().value_unsafe();
    for (const element part : parts) {
      if (!first) text += '\n';
      first = false;
      text += read_part(part, writer);
    }
    return text;
  }

  static void write_part(JsonWriter& writer, std::string_view type, std::string_view text) {
    writer.begin_object();
    writer.key("type").string(type);
    writer.key(type == "refusal" ? "refusal" : "text").string(text);
    if (type == "output_text") writer.key("annotations").begin_array().end_array();
    writer.end_object();
  }

  std::string read_part(element part, JsonWriter& writer) {
    object inner;
    std::string_view type, text;
    if (part.get(inner) || inner.at_key("type").get(type)) {
      fail("holds a part that is not an object with a `type`");
      return {};
    }
    const bool is_text = type == "input_text" || type == "output_text" || type == "text" ||
                         type == "summary_text" || type == "reasoning_text" || type == "refusal";
    if (!is_text) {
      fail("has a part of type \"" + std::string(type) + "\"; this model takes only text");
      return {};
    }
    if (inner.at_key(type == "refusal" ? "refusal" : "text").get(text)) {
      fail("has a part of type \"" + std::string(type) + "\" without its text");
      return {};
    }
    write_part(writer, type == "text" ? "input_text" : type, text);
    return std::string(text);
  }

  void read_call(Fields& fields, JsonWriter& writer, ChatMessageBuilder& chat) {
    std::string call_id, name, arguments;
    fields.read("call_id", call_id);
    fields.read("name", name);
    fields.read("arguments", arguments);
    if (call_id.empty() || name.empty()) return fail("needs a `call_id` and a `name`");
    begin_item(fields, writer, "function_call", "fc");
    writer.key("status").string("completed");
    writer.key("call_id").string(call_id);
    writer.key("name").string(name);
    writer.key("arguments").string(arguments).end_object();
    chat.add_call(call_id, name, arguments);
  }

  void read_call_output(Fields& fields, JsonWriter& writer, ChatMessageBuilder& chat) {
    std::string call_id;
    fields.read("call_id", call_id);
    if (call_id.empty()) return fail("needs the `call_id` of its call");
    if (!fields.has("output")) return fail("needs an `output`");
    begin_item(fields, writer, "function_call_output", "fco");
    writer.key("status").string("completed");
    writer.key("call_id").string(call_id);
    std::string parts;
    JsonWriter part_writer(parts);
    part_writer.begin_array();
    const std::string text = read_content(fields, "output", part_writer, false);
    part_writer.end_array();
    writer.key("output").string(text).end_object();
    chat.add_call_output(call_id, text);
  }

  void read_reasoning(Fields& fields, JsonWriter& writer, ChatMessageBuilder& chat) {
    begin_item(fields, writer, "reasoning", "rs");
    writer.key("summary").begin_array();
    const std::string summary = read_content(fields, "summary", writer, false);
    writer.end_array();
    writer.key("content").begin_array();
    const std::string content = read_content(fields, "content", writer, false);
    writer.end_array().end_object();
    chat.add_reasoning(content.empty() ? summary : content);
  }

  FirstError& error_;
  const std::string path_;
  const std::string default_id_;
};

void read_text(std::string_view text, std::string_view suffix, JsonWriter& writer,
               ChatMessageBuilder& chat) {
  writer.begin_object();
  writer.key("id").string("msg_" + std::string(suffix) + "_i0");
  writer.key("type").string("message");
  writer.key("status").string("completed");
  writer.key("role").string("user");
  writer.key("content").begin_array().begin_object();
  writer.key("type").string("input_text");
  writer.key("text").string(text).end_object().end_array().end_object();
  chat.add_message("user", text);
}

}  // namespace

void ChatMessageBuilder::open() {
  if (!messages_.empty()) messages_ += ',';
}

void ChatMessageBuilder::flush() {
  if (!has_answer_) return;
  open();
  JsonWriter writer(messages_);
  writer.begin_object();
  writer.key("role").string("assistant");
  writer.key("content").string(text_);
  if (!reasoning_.empty()) writer.key("reasoning_content").string(reasoning_);
  if (!calls_.empty()) writer.key("tool_calls").raw("[" + calls_ + "]");
  writer.end_object();
  has_answer_ = has_text_ = false;
  reasoning_.clear();
  text_.clear();
  calls_.clear();
}

void ChatMessageBuilder::add_message(std::string_view role, std::string_view text) {
  if (role == "assistant") {
    if (has_text_ || !calls_.empty()) flush();
    has_answer_ = has_text_ = true;
    text_ = text;
    return;
  }
  flush();
  open();
  JsonWriter writer(messages_);
  writer.begin_object();
  writer.key("role").string(role);
  writer.key("content").string(text).end_object();
}

void ChatMessageBuilder::add_reasoning(std::string_view text) {
  if (has_text_ || !calls_.empty()) flush();
  has_answer_ = true;
  reasoning_ += text;
}

void ChatMessageBuilder::add_call(std::string_view call_id, std::string_view name,
                                  std::string_view arguments) {
  has_answer_ = true;
  if (!calls_.empty()) calls_ += ',';
  JsonWriter writer(calls_);
  writer.begin_object();
  writer.key("id").string(call_id);
  writer.key("type").string("function");
  writer.key("function").begin_object();
  writer.key("name").string(name);
  writer.key("arguments").string(arguments).end_object().end_object();
}

void ChatMessageBuilder::add_call_output(std::string_view call_id, std::string_view output) {
  flush();
  open();
  JsonWriter writer(messages_);
  writer.begin_object();
  writer.key("role").string("tool");
  writer.key("tool_call_id").string(call_id);
  writer.key("content").string(output).end_object();
}

std::string ChatMessageBuilder::take() {
  flush();
  return std::exchange(messages_, {});
}

InputItems read_input(Fields& fields, std::string_view suffix) {
  InputItems input;
  ChatMessageBuilder chat;
  JsonWriter writer(input.items);
  writer.begin_array();
  const auto value = fields.find("input");
  if (!value) {
    fields.error().bad_request("`input` must be a text or an array of items.", "input");
  } else if (value->is_string()) {
    read_text(value->get_string().value_unsafe(), suffix, writer, chat);
  } else if (const auto items = fields.read_array("input")) {
    size_t index = 0;
    for (const element item : *items) {
      object inner;
      if (item.get(inner)) {
        fields.wrong_type("input", "a text or an array of objects", item);
        break;
      }
      ItemReader(fields.error(), index++, suffix).read(inner, writer, chat, input);
      if (fields.error()) break;
    }
  }
  writer.end_array();
  input.messages = chat.take();
  return input;
}

}  // namespace trivet
