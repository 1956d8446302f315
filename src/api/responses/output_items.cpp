#include "api/responses/output_items.h"

#include <algorithm>
#include <utility>

namespace trivet {
namespace {

using Kind = OutputItem::Kind;

void write_part(JsonWriter& writer, const OutputItem& item) {
  writer.begin_object();
  if (item.kind == Kind::kReasoning) {
    writer.key("type").string("reasoning_text");
    writer.key("text").string(item.text).end_object();
    return;
  }
  writer.key("type").string("output_text");
  writer.key("text").string(item.text);
  writer.key("annotations").begin_array().end_array();
  writer.key("logprobs").raw("[" + item.logprobs + "]");
  writer.end_object();
}

void write_item(JsonWriter& writer, const OutputItem& item, bool with_content) {
  writer.begin_object();
  writer.key("id").string(item.id);
  if (item.kind == Kind::kCall) {
    writer.key("type").string("function_call");
    writer.key("status").string(item.status);
    writer.key("call_id").string(item.call_id);
    writer.key("name").string(item.name);
    writer.key("arguments").string(with_content ? item.text : "");
    writer.end_object();
    return;
  }
  const bool is_message = item.kind == Kind::kMessage;
  writer.key("type").string(is_message ? "message" : "reasoning");
  writer.key("status").string(item.status);
  if (is_message) {
    writer.key("role").string("assistant");
  } else {
    writer.key("summary").begin_array().end_array();
  }
  writer.key("content").begin_array();
  if (with_content) write_part(writer, item);
  writer.end_array().end_object();
}

std::string_view delta_event(Kind kind) {
  switch (kind) {
    case Kind::kReasoning:
      return "response.reasoning_text.delta";
    case Kind::kMessage:
      return "response.output_text.delta";
    case Kind::kCall:
      break;
  }
  return "response.function_call_arguments.delta";
}

std::string_view done_event(Kind kind) {
  switch (kind) {
    case Kind::kReasoning:
      return "response.reasoning_text.done";
    case Kind::kMessage:
      return "response.output_text.done";
    case Kind::kCall:
      break;
  }
  return "response.function_call_arguments.done";
}

}  // namespace

JsonWriter& ResponseEvents::begin(std::string_view type) {
  out_ += "event: ";
  out_ += type;
  out_ += "\ndata: ";
  writer_.emplace(out_);
  writer_->begin_object();
  writer_->key("type").string(type);
  return writer_->key("sequence_number").integer(number_++);
}

void ResponseEvents::end() {
  writer_->end_object();
  out_ += "\n\n";
}

bool OutputItems::in_reasoning() const { return open_ && items_.back().kind == Kind::kReasoning; }

void OutputItems::add(const MessageDelta& delta, std::string_view logprobs) {
  if (!delta.reasoning.empty()) add_text(Kind::kReasoning, delta.reasoning, "");
  if (!delta.content.empty()) add_text(Kind::kMessage, delta.content, logprobs);
  for (const ToolCallDelta& call : delta.tool_calls) add_call(call);
}

void OutputItems::add_text(Kind kind, std::string_view text, std::string_view logprobs) {
  if (!open_ || items_.back().kind != kind) {
    // The blank lines between reasoning or calls and what follows are no part of a message.
    if (kind == Kind::kMessage && !items_.empty()) {
      text.remove_prefix(std::min(text.find_first_not_of(" \n\r\t"), text.size()));
      if (text.empty()) return;
    }
    open({.kind = kind});
  }
  OutputItem& item = items_.back();
  item.text += text;
  if (!logprobs.empty()) {
    if (!item.logprobs.empty()) item.logprobs += ',';
    item.logprobs += logprobs;
  }
  tell_delta(item, text, logprobs);
}

void OutputItems::add_call(const ToolCallDelta& call) {
  if (!open_ || items_.back().kind != Kind::kCall || call_ != call.index) {
    open({.kind = Kind::kCall, .call_id = call.id, .name = call.name});
    call_ = call.index;
  }
  if (call.arguments.empty()) return;
  items_.back().text += call.arguments;
  tell_delta(items_.back(), call.arguments, "");
}

void OutputItems::open(OutputItem item) {
  close("completed");
  const char* prefix = item.kind == Kind::kMessage ? "msg_"
                       : item.kind == Kind::kCall  ? "fc_"
                                                   : "rs_";
  item.id = prefix + suffix_ + "_" + std::to_string(items_.size());
  items_.push_back(std::move(item));
  open_ = true;
  tell_opened(items_.back());
}

void OutputItems::close(std::string_view status) {
  if (!std::exchange(open_, false)) return;
  items_.back().status = status;
  tell_closed(items_.back());
}

JsonWriter& OutputItems::begin_part_event(std::string_view type, const OutputItem& item) {
  JsonWriter& writer = events_->begin(type);
  writer.key("item_id").string(item.id);
  writer.key("output_index").integer(last_index());
  if (item.kind != Kind::kCall) writer.key("content_index").integer(0);
  return writer;
}

void OutputItems::tell_opened(const OutputItem& item) {
  if (events_ == nullptr) return;
  JsonWriter& writer = events_->begin("response.output_item.added");
  writer.key("output_index").integer(last_index());
  write_item(writer.key("item"), item, false);
  events_->end();
  if (item.kind == Kind::kCall) return;
  write_part(begin_part_event("response.content_part.added", item).key("part"), item);
  events_->end();
}

void OutputItems::tell_delta(const OutputItem& item, std::string_view delta,
                             std::string_view logprobs) {
  if (events_ == nullptr) return;
  JsonWriter& writer = begin_part_event(delta_event(item.kind), item);
  writer.key("delta").string(delta);
  if (item.kind == Kind::kMessage) {
    writer.key("logprobs").raw("[" + std::string(logprobs) + "]");
  }
  events_->end();
}

void OutputItems::tell_closed(const OutputItem& item) {
  if (events_ == nullptr) return;
  JsonWriter& writer = begin_part_event(done_event(item.kind), item);
  if (item.kind == Kind::kCall) {
    writer.key("name").string(item.name);
    writer.key("arguments").string(item.text);
  } else {
    writer.key("text").string(item.text);
  }
  if (item.kind == Kind::kMessage) writer.key("logprobs").raw("[" + item.logprobs + "]");
  events_->end();
  if (item.kind != Kind::kCall) {
    write_part(begin_part_event("response.content_part.done", item).key("part"), item);
    events_->end();
  }
  JsonWriter& done = events_->begin("response.output_item.done");
  done.key("output_index").integer(last_index());
  write_item(done.key("item"), item, true);
  events_->end();
}

void OutputItems::write(JsonWriter& writer) const {
  writer.begin_array();
  for (const OutputItem& item : items_) write_item(writer, item, true);
  writer.end_array();
}

void OutputItems::write_messages(ChatMessageBuilder& chat) const {
  for (const OutputItem& item : items_) {
    switch (item.kind) {
      case Kind::kReasoning:
        chat.add_reasoning(item.text);
        break;
      case Kind::kMessage:
        chat.add_message("assistant", item.text);
        break;
      case Kind::kCall:
        chat.add_call(item.call_id, item.name, item.text);
        break;
    }
  }
}

}  // namespace trivet
