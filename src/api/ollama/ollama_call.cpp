#include "api/ollama/ollama_call.h"

#include <algorithm>
#include <iterator>

#include "api/ollama/ollama_api.h"
#include "api/timestamp.h"
#include "api/tool_arguments.h"

namespace trivet {

OllamaCall::OllamaCall(OllamaKind kind, const OllamaRequest& request, EngineRequest engine_request,
                       std::shared_ptr<const MessageFormat> format, const ServedModel& model,
                       const CallContext& context)
    : AnswersCall(request.stream),
      kind_(kind),
      model_name_(request.asked_name),
      created_at_(rfc3339(context.unix_seconds)),
      logprobs_wanted_(request.logprobs),
      top_logprobs_(request.top_logprobs),
      logprobs_(*model.tokenizer, false),
      format_(std::move(format)),
      parser_(format_->make_parser(context.request_id)) {
  if (kind == OllamaKind::kGenerate) context_ = engine_request.prompt;
  AnswersCall::add(std::move(engine_request), context, "ollama-");
}

std::string OllamaCall::encode_error_body(const ApiError& error) const {
  return encode_ollama_error(error);
}

std::string OllamaCall::encode_error_event(const ApiError& error) const {
  return encode_ollama_error(error) + "\n";
}

void OllamaCall::take(std::string& out, size_t /*index*/, const SequenceOutput& news) {
  if (kind_ == OllamaKind::kGenerate) {
    context_.insert(context_.end(), news.tokens.begin(), news.tokens.end());
  }
  Said line;
  Said& said = streamed() ? line : whole_;
  add(parser_->feed(news.text), said);
  if (logprobs_wanted_) {
    said.logprobs.insert(said.logprobs.end(), news.logprobs.begin(), news.logprobs.end());
  }
  if (streamed() && !line.empty()) write_line(out, line, false);
}

void OllamaCall::finish(std::string& out, size_t /*index*/) {
  Said line;
  Said& said = streamed() ? line : whole_;
  add(parser_->finish(), said);
  std::move(open_calls_.begin(), open_calls_.end(), std::back_inserter(said.calls));
  open_calls_.clear();
  if (!streamed()) return;
  if (!line.empty()) write_line(out, line, false);
  write_line(out, {}, true);
}

void OllamaCall::add(MessageDelta delta, Said& said) {
  said.content += delta.content;
  said.thinking += delta.reasoning;
  for (ToolCallDelta& call : delta.tool_calls) {
    if (!open_calls_.empty() && open_calls_.back().index == call.index) {
      open_calls_.back().arguments += call.arguments;
      continue;
    }
    std::move(open_calls_.begin(), open_calls_.end(), std::back_inserter(said.calls));
    open_calls_.clear();
    open_calls_.push_back(std::move(call));
  }
}

void OllamaCall::write_line(std::string& out, const Said& said, bool last) const {
  JsonWriter writer(out);
  writer.begin_object().key("model").string(model_name_).key("created_at").string(created_at_);
  write_said(writer, said);
  writer.key("done").boolean(last);
  if (last) write_end(writer);
  writer.end_object();
  out += '\n';
}

void OllamaCall::write_said(JsonWriter& writer, const Said& said) const {
  const bool chat = kind_ == OllamaKind::kChat;
  if (chat) {
    writer.key("message").begin_object().key("role").string("assistant");
    writer.key("content").string(said.content);
  } else {
    writer.key("response").string(said.content);
  }
  if (!said.thinking.empty()) writer.key("thinking").string(said.thinking);
  if (!said.calls.empty()) write_calls(writer, said.calls);
  if (chat) writer.end_object();
  if (said.logprobs.empty()) return;
  writer.key("logprobs");
  logprobs_.write_chat_list(writer, said.logprobs, top_logprobs_);
}

void OllamaCall::write_calls(JsonWriter& writer, const std::vector<ToolCallDelta>& calls) const {
  writer.key("tool_calls").begin_array();
  for (const ToolCallDelta& call : calls) {
    writer.begin_object().key("id").string(call.id).key("function").begin_object();
    writer.key("index").integer(call.index).key("name").string(call.name).key("arguments");
    write_tool_arguments(writer, call.arguments);
    writer.end_object().end_object();
  }
  writer.end_array();
}

void OllamaCall::write_end(JsonWriter& writer) const {
  const Progress& answer = progress(0);
  const RequestTiming& timing = answer.timing;
  writer.key("done_reason").string(answer.finish_reason == FinishReason::kStop ? "stop" : "length");
  if (kind_ == OllamaKind::kGenerate) {
    writer.key("context").begin_array();
    for (const TokenId token : context_) writer.integer(token);
    writer.end_array();
  }
  writer.key("total_duration").integer(nanoseconds_between(timing.arrived, timing.finished));
  writer.key("load_duration").integer(nanoseconds_between(timing.arrived, timing.scheduled));
  writer.key("prompt_eval_count").integer(answer.usage.prompt_tokens);
  writer.key("prompt_eval_duration")
      .integer(nanoseconds_between(timing.scheduled, timing.first_token));
  writer.key("eval_count").integer(answer.usage.completion_tokens);
  writer.key("eval_duration").integer(nanoseconds_between(timing.first_token, timing.finished));
}

std::string OllamaCall::body() const {
  std::string out;
  JsonWriter writer(out);
  writer.begin_object().key("model").string(model_name_).key("created_at").string(created_at_);
  write_said(writer, whole_);
  writer.key("done").boolean(true);
  write_end(writer);
  writer.end_object();
  return out;
}

}  // namespace trivet
