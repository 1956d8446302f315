#include "api/openai/chat_call.h"

#include <algorithm>
#include <iterator>

namespace trivet {
namespace {

AnswerLabel chat_label(const CommonRequest& common, const ServedModel& model,
                       const CallContext& context) {
  return {"chatcmpl-" + common.request_id.value_or(context.request_id), model.names.front(),
          context.unix_seconds};
}

// Calls of different choices have different ids.
std::string choice_seed(const std::string& request_id, int index) {
  return request_id + "/" + std::to_string(index);
}

void write_reasoning(JsonWriter& writer, const std::string& reasoning) {
  // Clients know it by one name or the other.
  writer.key("reasoning").string(reasoning);
  writer.key("reasoning_content").string(reasoning);
}

void write_tool_delta(JsonWriter& writer, const ToolCallDelta& call) {
  writer.begin_object();
  writer.key("index").integer(call.index);
  if (!call.id.empty()) {
    writer.key("id").string(call.id);
    writer.key("type").string("function");
  }
  writer.key("function").begin_object();
  if (!call.id.empty()) writer.key("name").string(call.name);
  writer.key("arguments").string(call.arguments);
  writer.end_object().end_object();
}

struct WholeCall {
  std::string id, name, arguments;
};

void append_calls(std::vector<WholeCall>& calls, std::vector<ToolCallDelta> deltas) {
  for (ToolCallDelta& delta : deltas) {
    calls.resize(std::max(calls.size(), static_cast<size_t>(delta.index) + 1));
    WholeCall& call = calls[static_cast<size_t>(delta.index)];
    call.id += delta.id;
    call.name += delta.name;
    call.arguments += delta.arguments;
  }
}

void write_calls(JsonWriter& writer, const std::vector<WholeCall>& calls) {
  writer.begin_array();
  for (const WholeCall& call : calls) {
    writer.begin_object();
    writer.key("id").string(call.id);
    writer.key("type").string("function");
    writer.key("function").begin_object();
    writer.key("name").string(call.name);
    writer.key("arguments").string(call.arguments);
    writer.end_object().end_object();
  }
  writer.end_array();
}

}  // namespace

ChatCall::ChatCall(ChatRequest request, const ServedModel& model, const CallContext& context)
    : OpenAiCall(request.common, chat_label(request.common, model, context), model),
      wants_logprobs_(request.logprobs),
      top_logprobs_(request.top_logprobs),
      role_(std::move(request.role)),
      echoed_(std::move(request.echoed)),
      id_seed_(context.request_id),
      format_(std::move(request.format)) {
  for (int i = 0; common_.stream && i < common_.params.n; ++i) {
    parsers_.push_back(format_->make_parser(choice_seed(id_seed_, i)));
  }
  EngineRequest engine_request;
  engine_request.prompt = std::move(request.prompt);
  engine_request.params = common_.params;
  add(std::move(engine_request), Generation{}, context, "chatcmpl-");
}

void ChatCall::begin_chunk(JsonWriter& writer, size_t index) const {
  begin_answer(writer, chunk_object());
  writer.key("choices").begin_array().begin_object();
  writer.key("index").integer(static_cast<int64_t>(index));
  writer.key("delta").begin_object();
}

void ChatCall::write_role(std::string& out, const Generation& generation, size_t index) const {
  begin_event(out);
  JsonWriter writer(out);
  begin_chunk(writer, index);
  writer.key("role").string(role_);
  writer.key("content").string("").end_object();
  writer.key("logprobs").null();
  writer.key("finish_reason").null();
  writer.end_object().end_array();
  if (common_.return_token_ids) write_tokens(writer.key("prompt_token_ids"), generation.prompt);
  write_running_usage(writer, true);
  writer.end_object();
  end_event(out);
}

void ChatCall::write_echo(std::string& out, size_t index) const {
  begin_event(out);
  JsonWriter writer(out);
  begin_chunk(writer, index);
  writer.key("content").string(echoed_).end_object();
  writer.key("logprobs").null();
  writer.key("finish_reason").null();
  writer.end_object().end_array();
  write_running_usage(writer, true);
  writer.end_object();
  end_event(out);
}

void ChatCall::write_roles(std::string& out, Generation& generation) {
  for (size_t i = 0; i < generation.choices.size(); ++i) {
    generation.choices[i].started = true;
    write_role(out, generation, i);
  }
  if (echoed_.empty()) return;
  for (size_t i = 0; i < generation.choices.size(); ++i) write_echo(out, i);
}

void ChatCall::write_news(std::string& out, Generation& generation, int index,
                          const SequenceOutput& news) {
  const Choice& choice = generation.choices[static_cast<size_t>(index)];
  if (!choice.started) write_roles(out, generation);
  const bool finished = choice.finish_reason != FinishReason::kNone;
  const bool shows_tokens = !news.tokens.empty() && (wants_logprobs_ || common_.return_token_ids);
  const MessageDelta delta = read_news(static_cast<size_t>(index), news, finished);
  if (delta.empty() && !finished && !shows_tokens) return;
  begin_event(out);
  JsonWriter writer(out);
  begin_chunk(writer, static_cast<size_t>(index));
  write_delta(writer, delta);
  writer.end_object();
  if (news.logprobs.empty()) {
    writer.key("logprobs").null();
  } else {
    write_logprobs(writer, news.logprobs);
  }
  write_finish(writer, choice, false, parsers_[static_cast<size_t>(index)]->called_tools());
  if (common_.return_token_ids) write_tokens(writer.key("token_ids"), news.tokens);
  writer.end_object().end_array();
  write_running_usage(writer);
  writer.end_object();
  end_event(out);
}

MessageDelta ChatCall::read_news(size_t index, const SequenceOutput& news, bool finished) {
  MessageDelta delta = parsers_[index]->feed(news.text);
  if (!finished) return delta;
  MessageDelta last = parsers_[index]->finish();
  delta.reasoning += last.reasoning;
  delta.content += last.content;
  std::ranges::move(last.tool_calls, std::back_inserter(delta.tool_calls));
  return delta;
}

void ChatCall::write_delta(JsonWriter& writer, const MessageDelta& delta) {
  if (!delta.reasoning.empty()) write_reasoning(writer, delta.reasoning);
  if (!delta.content.empty()) writer.key("content").string(delta.content);
  if (delta.tool_calls.empty()) return;
  writer.key("tool_calls").begin_array();
  for (const ToolCallDelta& call : delta.tool_calls) write_tool_delta(writer, call);
  writer.end_array();
}

void ChatCall::write_logprobs(JsonWriter& writer,
                              std::span<const PositionLogprobs> positions) const {
  writer.key("logprobs");
  wants_logprobs_ ? logprobs_.write_chat(writer, positions, top_logprobs_) : void(writer.null());
}

bool ChatCall::write_message(JsonWriter& writer, const Choice& choice, int index) const {
  const auto parser = format_->make_parser(choice_seed(id_seed_, index));
  MessageDelta message = parser->feed(choice.text);
  MessageDelta last = parser->finish();
  const std::string content = echoed_ + message.content + last.content;
  const std::string reasoning = message.reasoning + last.reasoning;
  std::vector<WholeCall> calls;
  append_calls(calls, std::move(message.tool_calls));
  append_calls(calls, std::move(last.tool_calls));
  writer.key("message").begin_object();
  writer.key("role").string(role_);
  writer.key("content");
  content.empty() && !calls.empty() ? writer.null() : writer.string(content);
  for (const char* absent : {"refusal", "annotations", "audio", "function_call"}) {
    writer.key(absent).null();
  }
  write_calls(writer.key("tool_calls"), calls);
  reasoning.empty() ? void(writer.key("reasoning").null()) : write_reasoning(writer, reasoning);
  writer.end_object();
  return parser->called_tools();
}

void ChatCall::write_choice(JsonWriter& writer, const Choice& choice, int index) const {
  writer.begin_object();
  writer.key("index").integer(index);
  const bool called_tools = write_message(writer, choice, index);
  std::vector<PositionLogprobs> positions;
  for (const auto& position : choice.logprobs) {
    if (position) positions.push_back(*position);
  }
  write_logprobs(writer, positions);
  write_finish(writer, choice, true, called_tools);
  writer.key("token_ids");
  common_.return_token_ids ? write_tokens(writer, choice.tokens) : void(writer.null());
  writer.end_object();
}

std::string ChatCall::body() const {
  const Generation& generation = generations_.front();
  std::string out;
  JsonWriter writer(out);
  begin_answer(writer, "chat.completion");
  writer.key("choices").begin_array();
  int index = 0;
  for (const Choice& choice : generation.choices) write_choice(writer, choice, index++);
  writer.end_array();
  write_usage(writer);
  writer.key("service_tier").null();
  writer.key("system_fingerprint").null();
  writer.key("prompt_logprobs");
  common_.params.prompt_logprobs ? logprobs_.write_prompt(writer, generation.prompt_logprobs)
                                 : void(writer.null());
  writer.key("prompt_token_ids");
  common_.return_token_ids ? write_tokens(writer, generation.prompt) : void(writer.null());
  writer.key("kv_transfer_params").null();
  writer.end_object();
  return out;
}

}  // namespace trivet
