#include "api/openai/completion_call.h"

namespace trivet {
namespace {

AnswerLabel completion_label(const CommonRequest& common, const ServedModel& model,
                             const CallContext& context) {
  return {"cmpl-" + common.request_id.value_or(context.request_id), model.names.front(),
          context.unix_seconds};
}

}  // namespace

CompletionCall::CompletionCall(CompletionRequest request, const ServedModel& model,
                               const CallContext& context)
    : OpenAiCall(request.common, completion_label(request.common, model, context), model),
      logprob_count_(request.logprobs),
      prompt_logprob_count_(request.prompt_logprobs) {
  for (CompletionPrompt& prompt : request.prompts) {
    EngineRequest engine_request;
    engine_request.prompt = std::move(prompt.tokens);
    engine_request.params = std::move(prompt.params);
    Generation generation;
    generation.prompt_text = std::move(prompt.text);
    add(std::move(engine_request), std::move(generation), context, "cmpl-");
  }
}

int CompletionCall::first_index(const Generation& generation) const {
  return static_cast<int>(&generation - generations_.data()) * common_.params.n;
}

void CompletionCall::write_logprobs(JsonWriter& writer, const Generation& generation, bool echoed,
                                    std::span<const TokenId> tokens,
                                    std::span<const std::optional<PositionLogprobs>> positions,
                                    size_t& offset) const {
  writer.key("logprobs");
  if (!logprob_count_) {
    writer.null();
    return;
  }
  std::vector<TokenId> all_tokens;
  std::vector<std::optional<PositionLogprobs>> all_positions;
  if (echoed) {
    all_tokens = generation.prompt;
    all_positions = generation.prompt_logprobs;
    all_positions.resize(all_tokens.size());
  }
  all_tokens.insert(all_tokens.end(), tokens.begin(), tokens.end());
  all_positions.insert(all_positions.end(), positions.begin(), positions.end());
  logprobs_.write_completion(writer, all_tokens, all_positions, offset);
}

void CompletionCall::write_news(std::string& out, Generation& generation, int index,
                                const SequenceOutput& news) {
  Choice& choice = generation.choices[static_cast<size_t>(index)];
  const bool first = !choice.started;
  const bool echoed = first && common_.echo;
  const bool finished = choice.finish_reason != FinishReason::kNone;
  const bool shows_tokens = !news.tokens.empty() && (logprob_count_ || common_.return_token_ids);
  if (news.text.empty() && !finished && !shows_tokens && !echoed) return;
  choice.started = true;
  begin_event(out);
  JsonWriter writer(out);
  begin_answer(writer, chunk_object());
  writer.key("choices").begin_array().begin_object();
  writer.key("index").integer(first_index(generation) + index);
  writer.key("text").string(echoed ? generation.prompt_text + news.text : news.text);
  if (shows_tokens || echoed) {
    const std::vector<std::optional<PositionLogprobs>> positions(news.logprobs.begin(),
                                                                 news.logprobs.end());
    write_logprobs(writer, generation, echoed, news.tokens, positions, choice.text_offset);
  } else {
    writer.key("logprobs").null();
  }
  write_finish(writer, choice, true);
  if (common_.return_token_ids) {
    if (first) write_tokens(writer.key("prompt_token_ids"), generation.prompt);
    write_tokens(writer.key("token_ids"), news.tokens);
  }
  writer.end_object().end_array();
  write_running_usage(writer);
  writer.end_object();
  end_event(out);
}

void CompletionCall::write_choice(JsonWriter& writer, const Generation& generation,
                                  const Choice& choice, int index) const {
  writer.begin_object();
  writer.key("index").integer(index);
  writer.key("text").string(common_.echo ? generation.prompt_text + choice.text : choice.text);
  size_t offset = 0;
  write_logprobs(writer, generation, common_.echo, choice.tokens, choice.logprobs, offset);
  write_finish(writer, choice, true);
  writer.key("token_ids");
  common_.return_token_ids ? write_tokens(writer, choice.tokens) : void(writer.null());
  writer.key("prompt_logprobs");
  prompt_logprob_count_ ? logprobs_.write_prompt(writer, generation.prompt_logprobs)
                        : void(writer.null());
  writer.key("prompt_token_ids");
  common_.return_token_ids ? write_tokens(writer, generation.prompt) : void(writer.null());
  writer.end_object();
}

std::string CompletionCall::body() const {
  std::string out;
  JsonWriter writer(out);
  begin_answer(writer, "text_completion");
  writer.key("choices").begin_array();
  int index = 0;
  for (const Generation& generation : generations_) {
    for (const Choice& choice : generation.choices) {
      write_choice(writer, generation, choice, index++);
    }
  }
  writer.end_array();
  write_usage(writer);
  writer.key("service_tier").null();
  writer.key("system_fingerprint").null();
  writer.key("kv_transfer_params").null();
  writer.end_object();
  return out;
}

}  // namespace trivet
