#include "api/openai/chat_call.h"

namespace trivet {
namespace {

AnswerLabel label_for(const CommonRequest& common, const ServedModel& model,
                      const CallContext& context) {
  return {"chatcmpl-" + common.request_id.value_or(context.request_id), model.names.front(),
          context.unix_seconds};
}

}  // namespace

ChatCall::ChatCall(ChatRequest request, const ServedModel& model, const CallContext& context)
    : OpenAiCall(request.common, label_for(request.common, model, context), model),
      wants_logprobs_(request.logprobs),
      top_logprobs_(request.top_logprobs),
      role_(std::move(request.role)),
      echoed_(std::move(request.echoed)) {
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
  if (news.text.empty() && !finished && !shows_tokens) return;
  begin_event(out);
  JsonWriter writer(out);
  begin_chunk(writer, static_cast<size_t>(index));
  if (!news.text.empty()) writer.key("content").string(news.text);
  writer.end_object();
  if (news.logprobs.empty()) {
    writer.key("logprobs").null();
  } else {
    write_logprobs(writer, news.logprobs);
  }
  write_finish(writer, choice, false);
  if (common_.return_token_ids) write_tokens(writer.key("token_ids"), news.tokens);
  writer.end_object().end_array();
  write_running_usage(writer);
  writer.end_object();
  end_event(out);
}

void ChatCall::write_logprobs(JsonWriter& writer,
                              std::span<const PositionLogprobs> positions) const {
  writer.key("logprobs");
  wants_logprobs_ ? logprobs_.write_chat(writer, positions, top_logprobs_) : void(writer.null());
}

void ChatCall::write_choice(JsonWriter& writer, const Choice& choice, int index) const {
  writer.begin_object();
  writer.key("index").integer(index);
  writer.key("message").begin_object();
  writer.key("role").string(role_);
  writer.key("content").string(echoed_ + choice.text);
  for (const char* absent : {"refusal", "annotations", "audio", "function_call"}) {
    writer.key(absent).null();
  }
  writer.key("tool_calls").begin_array().end_array();
  writer.key("reasoning").null();
  writer.end_object();
  std::vector<PositionLogprobs> positions;
  for (const auto& position : choice.logprobs) {
    if (position) positions.push_back(*position);
  }
  write_logprobs(writer, positions);
  write_finish(writer, choice, true);
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
