#include "api/responses/response_call.h"

#include <algorithm>

namespace trivet {
namespace {

// "resp_abc" -> "abc"
std::string suffix_of(std::string_view id) { return std::string(id.substr(id.find('_') + 1)); }

std::string_view error_code(const ApiError& error) {
  if (error.http_status == 429) return "rate_limit_exceeded";
  return error.http_status < 500 ? "invalid_prompt" : "server_error";
}

}  // namespace

ResponseCall::ResponseCall(std::string id, int64_t created, ResponseRequest request,
                           ChatRequest chat, const ServedModel& model, const CallContext& context)
    : id_(std::move(id)),
      created_(created),
      request_(std::move(request)),
      model_(model.names.front()),
      temperature_(chat.common.params.temperature),
      top_p_(chat.common.params.top_p),
      top_logprobs_(chat.top_logprobs),
      logprobs_(*model.tokenizer, false),
      format_(std::move(chat.format)),
      parser_(format_->make_parser(suffix_of(id_))),
      items_(suffix_of(id_), request_.stream ? &events_ : nullptr) {
  EngineRequest engine_request;
  engine_request.id = id_ + "-" + context.request_id;
  engine_request.prompt = std::move(chat.prompt);
  engine_request.params = chat.common.params;
  engine_request.tenant = context.tenant;
  engine_request.priority = chat.common.priority;
  engine_request.cache_salt = chat.common.cache_salt;
  engine_request.stream = request_.stream;
  usage_.prompt_tokens = static_cast<int>(engine_request.prompt.size());
  requests_.push_back(std::move(engine_request));
  if (request_.background) status_ = "queued";
}

std::string ResponseCall::open() {
  if (std::exchange(opened_, true) || !streamed()) return {};
  tell("response.created");
  if (request_.background) tell("response.queued");
  return events_.take();
}

std::string ResponseCall::encode(const RequestOutput& output) {
  if (done_) return {};
  std::string out = open();
  out += begin();
  if (output.usage.prompt_tokens > 0) usage_ = output.usage;
  if (output.error) return out + fail(to_api_error(*output.error));
  for (const SequenceOutput& news : output.sequences) {
    if (news.index == 0) take_news(news);
  }
  if (!output.finished) return out + events_.take();
  items_.add(parser_->finish(), "");
  return out + finish(finish_status());
}

std::string ResponseCall::begin() {
  if (std::exchange(started_, true)) return {};
  status_ = "in_progress";
  if (streamed()) tell("response.in_progress");
  return events_.take();
}

void ResponseCall::take_news(const SequenceOutput& news) {
  if (news.finish_reason != FinishReason::kNone) finish_reason_ = news.finish_reason;
  items_.add(parser_->feed(news.text), logprobs_of(news));
  if (items_.in_reasoning()) reasoning_tokens_ += static_cast<int>(news.tokens.size());
}

std::string_view ResponseCall::finish_status() const {
  switch (finish_reason_) {
    case FinishReason::kStop:
      return "completed";
    case FinishReason::kAbort:
      return "cancelled";
    case FinishReason::kLength:
    case FinishReason::kNone:
      break;
  }
  return "incomplete";
}

// The entries of write_chat's {"content":[...]}.
std::string ResponseCall::logprobs_of(const SequenceOutput& news) const {
  if (!request_.wants_logprobs || news.logprobs.empty()) return {};
  std::string json;
  JsonWriter writer(json);
  logprobs_.write_chat(writer, news.logprobs, top_logprobs_);
  const size_t begin = json.find('[') + 1;
  return json.substr(begin, json.rfind(']') - begin);
}

std::string ResponseCall::finish(std::string_view status) {
  done_ = true;
  items_.close(status == "completed" ? "completed" : "incomplete");
  status_ = status;
  if (!streamed()) return {};
  // Clients know no event of a cancelled response.
  tell(status == "cancelled" ? "response.incomplete" : "response." + std::string(status));
  return events_.take();
}

std::string ResponseCall::cancel() {
  if (done_) return {};
  std::string out = open();
  return out += finish("cancelled");
}

std::string ResponseCall::fail(const ApiError& error) {
  if (done_) return {};
  std::string out = open();
  error_ = error;
  return out += finish("failed");
}

std::string ResponseCall::encode_error_event(const ApiError& error) const {
  std::string out = "event: error\ndata: ";
  JsonWriter writer(out);
  writer.begin_object();
  writer.key("type").string("error");
  writer.key("sequence_number").integer(events_.count());
  writer.key("code").string(error_code(error));
  writer.key("message").string(error.message);
  writer.key("param").null().end_object();
  return out + "\n\n";
}

void ResponseCall::tell(std::string_view type) {
  events_.begin(type).key("response").raw(object());
  events_.end();
}

void ResponseCall::write_usage(JsonWriter& writer) const {
  writer.key("usage");
  if (!done_ || error_) {
    writer.null();
    return;
  }
  writer.begin_object();
  writer.key("input_tokens").integer(usage_.prompt_tokens);
  writer.key("input_tokens_details").begin_object();
  writer.key("cached_tokens").integer(usage_.cached_tokens).end_object();
  writer.key("output_tokens").integer(usage_.completion_tokens);
  writer.key("output_tokens_details").begin_object();
  writer.key("reasoning_tokens").integer(reasoning_tokens_).end_object();
  writer.key("total_tokens").integer(int64_t{usage_.prompt_tokens} + usage_.completion_tokens);
  writer.end_object();
}

std::string ResponseCall::object() const {
  std::string out;
  JsonWriter writer(out);
  writer.begin_object();
  writer.key("id").string(id_);
  writer.key("object").string("response");
  writer.key("created_at").integer(created_);
  writer.key("status").string(status_);
  writer.key("background").boolean(request_.background);
  writer.key("error");
  if (error_) {
    writer.begin_object().key("code").string(error_code(*error_));
    writer.key("message").string(error_->message).end_object();
  } else {
    writer.null();
  }
  writer.key("incomplete_details");
  if (status_ == "incomplete") {
    writer.begin_object().key("reason").string("max_output_tokens").end_object();
  } else {
    writer.null();
  }
  writer.key("model").string(model_);
  items_.write(writer.key("output"));
  writer.key("previous_response_id");
  request_.previous_id ? writer.string(*request_.previous_id) : writer.null();
  writer.key("store").boolean(request_.store);
  writer.key("temperature").number(temperature_);
  writer.key("top_p").number(top_p_);
  for (const auto& [name, json] : request_.echoed) writer.key(name).raw(json);
  write_usage(writer);
  writer.end_object();
  return out;
}

std::string ResponseCall::turn() const {
  ChatMessageBuilder chat;
  items_.write_messages(chat);
  const std::string answer = chat.take();
  const bool both = !request_.turn.empty() && !answer.empty();
  return "[" + request_.turn + (both ? "," : "") + answer + "]";
}

}  // namespace trivet
