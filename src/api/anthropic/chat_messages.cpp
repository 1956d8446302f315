// Messages of the Anthropic API, made of content blocks, as OpenAI chat messages.
#include "api/anthropic/messages_body.h"

namespace trivet {
namespace {

using simdjson::dom::array;
using simdjson::dom::element;
using simdjson::dom::object;

// Some clients put a line for billing, different each time, before the system prompt: the model
// does not need it, and it would keep every prompt out of the prefix cache.
constexpr std::string_view kBillingLine = "x-anthropic-billing-header:";

// The content of one chat message, collected from blocks.
struct Content {
  std::string parts;       // JSON objects, separated by commas
  std::string tool_calls;  // the same
  std::string reasoning;
};

void append_item(std::string& items, std::string_view item) {
  if (!items.empty()) items += ',';
  items += item;
}

void add_text(Content& content, std::string_view text) {
  std::string part;
  JsonWriter writer(part);
  writer.begin_object().key("type").string("text").key("text").string(text).end_object();
  append_item(content.parts, part);
}

class MessageTranslator {
 public:
  MessageTranslator(FirstError& error, std::string path, JsonWriter& writer)
      : error_(error), path_(std::move(path)), writer_(writer) {}

  void write(object message) {
    Fields fields(message, error_, path_);
    std::string role;
    fields.read("role", role);
    if (role != "user" && role != "assistant" && role != "system") {
      error_.bad_request(
          "`" + path_ + "role` must be \"user\" or \"assistant\", got \"" + role + "\".",
          "messages");
      return;
    }
    role_ = role;
    read_content(fields.find("content"), fields);
    if (!wrote_result_ || !empty()) write_message();
    continues_ = role == "assistant" && content_.tool_calls.empty() && content_.reasoning.empty();
  }

  // The message is the start of the answer, if it is the last one.
  bool continues() const { return continues_; }

 private:
  bool empty() const {
    return content_.parts.empty() && content_.tool_calls.empty() && content_.reasoning.empty();
  }

  void read_content(std::optional<element> content, Fields& fields) {
    if (!content) {
      return error_.bad_request("`" + path_ + "content` is missing.", "messages");
    }
    std::string_view text;
    array blocks;
    if (!content->get(text)) return add_text(content_, text);
    if (content->get(blocks)) {
      return fields.wrong_type("content", "a string or an array of content blocks", *content);
    }
    for (const element block : blocks) {
      object inner;
      if (block.get(inner)) {
        return fields.wrong_type("content", "a string or an array of content blocks", block);
      }
      read_block(inner);
    }
  }

  void read_block(object block) {
    Fields fields(block, error_, path_ + "content.");
    std::string type;
    fields.read("type", type);
    if (type == "text") {
      std::string text;
      fields.read("text", text);
      add_text(content_, text);
    } else if (type == "thinking") {
      std::string thinking;
      fields.read("thinking", thinking);
      content_.reasoning += thinking;
    } else if (type == "tool_use") {
      add_tool_use(fields);
    } else if (type == "tool_result") {
      write_tool_result(fields);
    } else if (type == "image") {
      add_image(fields);
    } else if (type == "search_result") {
      read_content(fields.find("content"), fields);
    } else if (type == "document") {
      add_document(fields);
    } else if (type != "redacted_thinking") {
      error_.bad_request("`" + path_ + "content` has a block of type \"" + type +
                             "\", which this server does not know.",
                         "messages");
    }
  }

  void add_tool_use(Fields& fields) {
    std::string id, name;
    fields.read("id", id);
    fields.read("name", name);
    const auto input = fields.find("input");
    std::string call;
    JsonWriter writer(call);
    writer.begin_object().key("id").string(id).key("type").string("function");
    writer.key("function").begin_object().key("name").string(name);
    writer.key("arguments").string(input ? to_json(*input) : "{}").end_object().end_object();
    append_item(content_.tool_calls, call);
  }

  // A chat message of its own; what the user said before it keeps its place.
  void write_tool_result(Fields& fields) {
    if (!empty()) write_message();
    std::string id;
    fields.read("tool_use_id", id);
    Content said = std::exchange(content_, {});
    if (const auto result = fields.find("content")) read_content(result, fields);
    writer_.begin_object().key("role").string("tool").key("tool_call_id").string(id);
    writer_.key("content").raw("[" + content_.parts + "]").end_object();
    content_ = std::move(said);
    wrote_result_ = true;
  }

  void add_image(Fields& fields) {
    const auto source = fields.read_object("source");
    if (!source) return error_.bad_request("`" + path_ + "content.source` is missing.", "messages");
    Fields inner(*source, error_, path_ + "content.source.");
    std::string url, media_type, data;
    inner.read("url", url);
    inner.read("media_type", media_type);
    inner.read("data", data);
    if (url.empty()) url = "data:" + media_type + ";base64," + data;
    std::string part;
    JsonWriter writer(part);
    writer.begin_object().key("type").string("image_url").key("image_url").begin_object();
    writer.key("url").string(url).end_object().end_object();
    append_item(content_.parts, part);
  }

  void add_document(Fields& fields) {
    const auto source = fields.read_object("source");
    std::string type, text;
    if (source) {
      Fields inner(*source, error_, path_ + "content.source.");
      inner.read("type", type);
      if (type == "content") return read_content(inner.find("content"), inner);
      inner.read("data", text);
    }
    if (type == "text") return add_text(content_, text);
    error_.bad_request("`" + path_ + "content` has a document with a source of type \"" + type +
                           "\"; this server takes \"text\" and \"content\".",
                       "messages");
  }

  void write_message() {
    writer_.begin_object().key("role").string(role_);
    writer_.key("content").raw("[" + content_.parts + "]");
    if (!content_.reasoning.empty()) {
      writer_.key("reasoning_content").string(content_.reasoning);
    }
    if (!content_.tool_calls.empty())
      writer_.key("tool_calls").raw("[" + content_.tool_calls + "]");
    writer_.end_object();
    content_ = {};
  }

  FirstError& error_;
  const std::string path_;
  JsonWriter& writer_;
  std::string role_;
  Content content_;
  bool wrote_result_ = false;
  bool continues_ = false;
};

// A text, or blocks of text.
void read_system(element system, Fields& fields, Content& content) {
  std::string_view text;
  array blocks;
  if (!system.get(text)) return add_text(content, text);
  if (system.get(blocks)) {
    return fields.wrong_type("system", "a string or an array of text blocks", system);
  }
  for (const element block : blocks) {
    object inner;
    if (block.get(inner)) {
      return fields.wrong_type("system", "a string or an array of text blocks", block);
    }
    Fields block_fields(inner, fields.error(), "system.");
    std::string block_text;
    block_fields.read("text", block_text);
    if (!block_text.starts_with(kBillingLine)) add_text(content, block_text);
  }
}

void write_system(Fields& fields, JsonWriter& writer) {
  const auto system = fields.find("system");
  if (!system) return;
  Content content;
  read_system(*system, fields, content);
  if (content.parts.empty()) return;
  writer.begin_object().key("role").string("system");
  writer.key("content").raw("[" + content.parts + "]").end_object();
}

}  // namespace

void write_chat_messages(Fields& fields, JsonWriter& writer) {
  const auto messages = fields.read_array("messages");
  if (!messages || messages->size() == 0) {
    return fields.error().bad_request("`messages` must have at least one message.", "messages");
  }
  writer.key("messages").begin_array();
  write_system(fields, writer);
  size_t index = 0;
  bool continues = false;
  for (const element item : *messages) {
    object message;
    if (item.get(message)) return fields.wrong_type("messages", "an array of objects", item);
    MessageTranslator translator(fields.error(), "messages[" + std::to_string(index++) + "].",
                                 writer);
    translator.write(message);
    if (fields.error()) return;
    continues = translator.continues();
  }
  writer.end_array();
  if (continues) writer.key("continue_final_message").boolean(true);
}

}  // namespace trivet
