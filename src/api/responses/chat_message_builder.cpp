#include "api/responses/chat_message_builder.h"

#include <utility>

#include "api/json_writer.h"

namespace trivet {

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

}  // namespace trivet
