#include "api/responses/input_items.h"

namespace trivet {
namespace {

using simdjson::dom::element;
using simdjson::dom::object;

constexpr int kMaxReferences = 256;  // each is looked up

// Where the items of a list come from and what they refer to.
struct ItemSource {
  std::string name;  // of the field
  std::string_view suffix;
  ResponseHistory* history = nullptr;  // null: no references
  int references = 0;                  // so far
};

class ItemReader {
 public:
  ItemReader(FirstError& error, size_t index, ItemSource& source)
      : error_(error),
        source_(source),
        index_(index),
        path_(source.name + "[" + std::to_string(index) + "]"),
        default_id_("_" + std::string(source.suffix) + "_i" + std::to_string(index)) {}

  void read(object item, JsonWriter& writer, ChatMessageBuilder& chat, InputItems& input) {
    Fields fields(item, error_, path_ + ".");
    std::string type;
    fields.read("type", type);
    if (type.empty() && fields.has("role")) type = "message";
    if (type.empty() && fields.has("id")) type = "item_reference";
    if (type == "message") return read_message(fields, writer, chat);
    if (type == "function_call") return read_call(fields, writer, chat);
    if (type == "function_call_output") return read_call_output(fields, writer, chat);
    if (type == "reasoning") return read_reasoning(fields, writer, chat);
    if (type.empty()) return fail("needs a `type`, or a `role` and a `content`");
    if (type == "item_reference") return read_reference(fields, writer, chat, input);
    input.ignored.push_back(path_ + "." + type);
  }

 private:
  void fail(const std::string& what) {
    error_.bad_request("`" + path_ + "` " + what + ".", source_.name);
  }

  // The item that it names, in its place.
  void read_reference(Fields& fields, JsonWriter& writer, ChatMessageBuilder& chat,
                      InputItems& input) {
    std::string id;
    fields.read("id", id);
    if (id.empty()) return fail("needs the `id` of an item");
    if (source_.history == nullptr) return fail("refers to an item that is a reference itself");
    if (++source_.references > kMaxReferences) {
      return fail("is one reference too many; send at most " + std::to_string(kMaxReferences));
    }
    const auto found = source_.history->item(id);
    if (!found) {
      ApiError refusal = to_api_error(found.error());
      refusal.param = source_.name;
      return error_.add(std::move(refusal));
    }
    JsonDocument document;
    const auto root = document.parse(*found);
    object item;
    if (!root || root->get(item)) return fail("refers to an item that cannot be read");
    ItemSource stored{path_, source_.suffix};
    ItemReader(error_, index_, stored).read(item, writer, chat, input);
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
  ItemSource& source_;
  const size_t index_;
  const std::string path_;
  const std::string default_id_;
};

InputItems read_array(simdjson::dom::array items, ItemSource source, Fields* fields,
                      FirstError& error) {
  InputItems input;
  ChatMessageBuilder chat;
  JsonWriter writer(input.items);
  writer.begin_array();
  size_t index = 0;
  for (const element item : items) {
    object inner;
    if (item.get(inner)) {
      if (fields != nullptr) fields->wrong_type(source.name, "an array of objects", item);
      break;
    }
    ItemReader(error, index++, source).read(inner, writer, chat, input);
    if (error) break;
  }
  writer.end_array();
  input.messages = chat.take();
  return input;
}

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

InputItems read_item_list(Fields& fields, const std::string& name, std::string_view suffix,
                          ResponseHistory& history) {
  const auto items = fields.read_array(name);
  if (!items) return {.items = "[]", .messages = {}, .ignored = {}};
  return read_array(*items, {name, suffix, &history}, &fields, fields.error());
}

InputItems read_input(Fields& fields, std::string_view suffix, ResponseHistory& history) {
  const auto value = fields.find("input");
  if (value && !value->is_string()) return read_item_list(fields, "input", suffix, history);
  InputItems input;
  ChatMessageBuilder chat;
  JsonWriter writer(input.items);
  writer.begin_array();
  if (value) {
    read_text(value->get_string().value_unsafe(), suffix, writer, chat);
  } else {
    fields.error().bad_request("`input` must be a text or an array of items.", "input");
  }
  writer.end_array();
  input.messages = chat.take();
  return input;
}

std::string messages_of_items(const std::vector<std::string>& items, FirstError& error) {
  std::string array = "[";
  for (const std::string& item : items) {
    if (array.size() + item.size() > JsonDocument::kMaxBytes) {
      error.bad_request("The conversation is too long; begin a new one.", "conversation");
      return {};
    }
    if (array.size() > 1) array += ',';
    array += item;
  }
  array += ']';
  JsonDocument document;
  const auto root = document.parse(array);
  simdjson::dom::array list;
  if (!root || root->get(list)) {
    error.bad_request("The conversation cannot be read; begin a new one.", "conversation");
    return {};
  }
  return read_array(list, {"conversation", ""}, nullptr, error).messages;
}

std::vector<SplitItem> split_items(std::string_view array) {
  std::vector<SplitItem> split;
  JsonDocument document;
  const auto root = document.parse(array);
  simdjson::dom::array items;
  if (!root || root->get(items)) return split;
  for (const element item : items) {
    std::string_view id;
    if (item["id"].get(id)) id = {};
    split.push_back({std::string(id), to_json(item)});
  }
  return split;
}

}  // namespace trivet
