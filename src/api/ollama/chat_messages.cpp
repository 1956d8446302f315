// Messages of /api/chat as OpenAI chat messages.
#include "api/ollama/chat_messages.h"

namespace trivet {
namespace {

using simdjson::dom::element;
using simdjson::dom::object;

// Calls and their results belong together by name or order here, by an id there.
class MessagesWriter {
 public:
  MessagesWriter(FirstError& error, JsonWriter& writer) : error_(error), writer_(writer) {}

  void write(object message, const std::string& path) {
    Fields fields(message, error_, path);
    std::string role, content, thinking, tool_name, call_id;
    fields.read("role", role);
    fields.read("content", content);
    fields.read("thinking", thinking);
    fields.read("tool_name", tool_name);
    fields.read("tool_call_id", call_id);
    refuse_images(fields, path);
    writer_.begin_object().key("role").string(role).key("content").string(content);
    if (!thinking.empty()) writer_.key("reasoning_content").string(thinking);
    const auto calls = fields.read_array("tool_calls");
    const bool has_calls = calls && calls->size() > 0;
    if (has_calls) write_calls(*calls, fields);
    if (role == "tool") write_origin(tool_name, call_id);
    writer_.end_object();
    continues_ = role == "assistant" && !has_calls && !content.empty();
  }

  bool continues() const { return continues_; }

 private:
  struct Call {
    std::string id, name;
  };

  void refuse_images(Fields& fields, const std::string& path) {
    const auto images = fields.read_array("images");
    if (images && images->size() > 0) {
      error_.bad_request("`" + path + "images`: this model takes only text.", "messages");
    }
  }

  void write_calls(simdjson::dom::array calls, Fields& fields) {
    writer_.key("tool_calls").begin_array();
    for (const element item : calls) {
      object call, function;
      if (item.get(call) || call.at_key("function").get(function)) {
        return fields.wrong_type("tool_calls", "an array of objects with `function`", item);
      }
      std::string_view id, name;
      if (call.at_key("id").get(id)) id = {};
      if (function.at_key("name").get(name)) name = {};
      Call made{id.empty() ? "call_" + std::to_string(count_) : std::string(id), std::string(name)};
      ++count_;
      element arguments;
      writer_.begin_object().key("id").string(made.id).key("type").string("function");
      writer_.key("function").begin_object().key("name").string(name).key("arguments");
      writer_.string(function.at_key("arguments").get(arguments) ? "{}" : to_json(arguments));
      writer_.end_object().end_object();
      open_calls_.push_back(std::move(made));
    }
    writer_.end_array();
  }

  // The oldest call without a result that has the name, or the oldest at all.
  void write_origin(const std::string& tool_name, std::string call_id) {
    std::string name = tool_name;
    auto call = open_calls_.begin();
    while (call != open_calls_.end() && !call_id.empty() && call->id != call_id) ++call;
    while (call != open_calls_.end() && call_id.empty() && !tool_name.empty() &&
           call->name != tool_name) {
      ++call;
    }
    if (call != open_calls_.end()) {
      if (call_id.empty()) call_id = call->id;
      if (name.empty()) name = call->name;
      open_calls_.erase(call);
    }
    if (!call_id.empty()) writer_.key("tool_call_id").string(call_id);
    if (!name.empty()) writer_.key("name").string(name);
  }

  FirstError& error_;
  JsonWriter& writer_;
  std::vector<Call> open_calls_;
  size_t count_ = 0;
  bool continues_ = false;
};

}  // namespace

void write_ollama_messages(simdjson::dom::array messages, Fields& fields, JsonWriter& writer) {
  writer.key("messages").begin_array();
  MessagesWriter messages_writer(fields.error(), writer);
  size_t index = 0;
  for (const element item : messages) {
    object message;
    if (item.get(message)) return fields.wrong_type("messages", "an array of objects", item);
    messages_writer.write(message, "messages[" + std::to_string(index++) + "].");
    if (fields.error()) return;
  }
  writer.end_array();
  if (messages_writer.continues()) writer.key("continue_final_message").boolean(true);
}

}  // namespace trivet
