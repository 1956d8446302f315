#include "api/anthropic/message_call.h"

#include "api/anthropic/messages_api.h"
#include "api/tool_arguments.h"

namespace trivet {
namespace {

void begin_event(std::string& out, std::string_view name) {
  out.append("event: ").append(name).append("\ndata: ");
}

void end_event(std::string& out) { out += "\n\n"; }

}  // namespace

MessageCall::MessageCall(ChatRequest request, const ServedModel& model, const CallContext& context)
    : AnswersCall(request.common.stream),
      id_("msg_" + context.request_id),
      model_name_(model.names.front()),
      has_limit_(request.common.params.max_tokens.has_value()),
      format_(request.format),
      parser_(format_->make_parser(id_)) {
  EngineRequest engine_request;
  engine_request.prompt = std::move(request.prompt);
  engine_request.params = std::move(request.common.params);
  engine_request.cache_salt = std::move(request.common.cache_salt);
  add(std::move(engine_request), context, "msg_");
}

std::string_view MessageCall::stream_ping() const {
  return "event: ping\ndata: {\"type\": \"ping\"}\n\n";
}

std::string MessageCall::encode_error_body(const ApiError& error) const {
  return encode_anthropic_error(error);
}

std::string MessageCall::encode_error_event(const ApiError& error) const {
  std::string out;
  begin_event(out, "error");
  out += encode_anthropic_error(error);
  end_event(out);
  return out;
}

void MessageCall::take(std::string& out, size_t /*index*/, const SequenceOutput& news) {
  start_message(out);
  take_delta(out, parser_->feed(news.text));
}

void MessageCall::finish(std::string& out, size_t /*index*/) {
  start_message(out);
  take_delta(out, parser_->finish());
  stop_block(out);
  begin_event(out, "message_delta");
  JsonWriter writer(out);
  writer.begin_object().key("type").string("message_delta");
  writer.key("delta").begin_object();
  write_stop(writer);
  writer.end_object();
  write_usage(writer);
  writer.end_object();
  end_event(out);
  begin_event(out, "message_stop");
  out += "{\"type\":\"message_stop\"}";
  end_event(out);
}

void MessageCall::start_message(std::string& out) {
  if (started_) return;
  started_ = true;
  begin_event(out, "message_start");
  JsonWriter writer(out);
  writer.begin_object().key("type").string("message_start").key("message").begin_object();
  write_message_head(writer);
  writer.key("content").begin_array().end_array();
  writer.key("stop_reason").null().key("stop_sequence").null();
  const RequestUsage usage = progress(0).usage;
  writer.key("usage").begin_object();
  writer.key("input_tokens").integer(usage.prompt_tokens - usage.cached_tokens);
  writer.key("cache_creation_input_tokens").integer(0);
  writer.key("cache_read_input_tokens").integer(usage.cached_tokens);
  writer.key("output_tokens").integer(0).end_object();
  writer.end_object().end_object();
  end_event(out);
}

void MessageCall::take_delta(std::string& out, const MessageDelta& delta) {
  if (!delta.reasoning.empty()) add_text(out, BlockKind::kThinking, delta.reasoning);
  if (!delta.content.empty()) add_text(out, BlockKind::kText, delta.content);
  for (const ToolCallDelta& call : delta.tool_calls) add_tool_call(out, call);
}

void MessageCall::add_text(std::string& out, BlockKind kind, std::string_view text) {
  if (blocks_.empty() || blocks_.back().kind != kind) start_block(out, {kind, {}, {}, {}});
  blocks_.back().text += text;
  const bool thinking = kind == BlockKind::kThinking;
  write_delta(out, thinking ? "thinking_delta" : "text_delta", thinking ? "thinking" : "text",
              text);
}

void MessageCall::add_tool_call(std::string& out, const ToolCallDelta& call) {
  if (call.index != tool_index_) {
    tool_index_ = call.index;
    start_block(out, {BlockKind::kToolUse, {}, call.id, call.name});
  }
  if (call.arguments.empty()) return;
  blocks_.back().text += call.arguments;
  write_delta(out, "input_json_delta", "partial_json", call.arguments);
}

void MessageCall::start_block(std::string& out, Block block) {
  stop_block(out);
  blocks_.push_back(std::move(block));
  block_open_ = true;
  begin_event(out, "content_block_start");
  JsonWriter writer(out);
  writer.begin_object().key("type").string("content_block_start");
  writer.key("index").integer(static_cast<int64_t>(blocks_.size()) - 1);
  writer.key("content_block");
  write_block(writer, blocks_.back());
  writer.end_object();
  end_event(out);
}

void MessageCall::stop_block(std::string& out) {
  if (!block_open_) return;
  block_open_ = false;
  if (blocks_.back().kind == BlockKind::kThinking) {
    write_delta(out, "signature_delta", "signature", id_);
  }
  begin_event(out, "content_block_stop");
  JsonWriter writer(out);
  writer.begin_object().key("type").string("content_block_stop");
  writer.key("index").integer(static_cast<int64_t>(blocks_.size()) - 1).end_object();
  end_event(out);
}

void MessageCall::write_delta(std::string& out, std::string_view type, std::string_view name,
                              std::string_view text) const {
  begin_event(out, "content_block_delta");
  JsonWriter writer(out);
  writer.begin_object().key("type").string("content_block_delta");
  writer.key("index").integer(static_cast<int64_t>(blocks_.size()) - 1);
  writer.key("delta").begin_object().key("type").string(type).key(name).string(text).end_object();
  writer.end_object();
  end_event(out);
}

void MessageCall::write_block(JsonWriter& writer, const Block& block) const {
  writer.begin_object();
  switch (block.kind) {
    case BlockKind::kText:
      writer.key("type").string("text").key("text").string(block.text);
      break;
    case BlockKind::kThinking:
      // Blocks come back in later requests with their signature; here it proves nothing, but
      // clients drop a block without one.
      writer.key("type").string("thinking").key("thinking").string(block.text);
      writer.key("signature").string(block_open_ ? "" : id_);
      break;
    case BlockKind::kToolUse:
      writer.key("type").string("tool_use").key("id").string(block.tool_id);
      writer.key("name").string(block.tool_name).key("input");
      write_tool_arguments(writer, block.text);
      break;
  }
  writer.end_object();
}

void MessageCall::write_message_head(JsonWriter& writer) const {
  writer.key("id").string(id_).key("type").string("message").key("role").string("assistant");
  writer.key("model").string(model_name_);
}

void MessageCall::write_stop(JsonWriter& writer) const {
  const Progress& answer = progress(0);
  const auto* stop_text = std::get_if<std::string>(&answer.stop_reason);
  std::string_view reason = "end_turn";
  if (answer.finish_reason != FinishReason::kStop) {
    reason = has_limit_ ? "max_tokens" : "model_context_window_exceeded";
  } else if (parser_->called_tools()) {
    reason = "tool_use";
  } else if (stop_text != nullptr) {
    reason = "stop_sequence";
  }
  writer.key("stop_reason").string(reason).key("stop_sequence");
  reason == "stop_sequence" ? writer.string(*stop_text) : writer.null();
}

void MessageCall::write_usage(JsonWriter& writer) const {
  const RequestUsage usage = progress(0).usage;
  writer.key("usage").begin_object();
  // Without what the cache had, as there.
  writer.key("input_tokens").integer(usage.prompt_tokens - usage.cached_tokens);
  writer.key("cache_creation_input_tokens").integer(0);
  writer.key("cache_read_input_tokens").integer(usage.cached_tokens);
  writer.key("output_tokens").integer(usage.completion_tokens).end_object();
}

std::string MessageCall::body() const {
  std::string out;
  JsonWriter writer(out);
  writer.begin_object();
  write_message_head(writer);
  writer.key("content").begin_array();
  for (const Block& block : blocks_) write_block(writer, block);
  writer.end_array();
  write_stop(writer);
  write_usage(writer);
  writer.end_object();
  return out;
}

}  // namespace trivet
