#include "api/openai/generation.h"

namespace trivet {
namespace {

constexpr std::string_view kDone = "data: [DONE]\n\n";

std::string_view finish_name(FinishReason reason) {
  switch (reason) {
    case FinishReason::kStop:
      return "stop";
    case FinishReason::kLength:
      return "length";
    default:
      return "abort";
  }
}

void write_stop_reason(JsonWriter& writer, const Choice& choice) {
  if (const auto* token = std::get_if<TokenId>(&choice.stop_reason)) {
    writer.integer(*token);
  } else if (const auto* text = std::get_if<std::string>(&choice.stop_reason)) {
    writer.string(*text);
  } else {
    writer.null();
  }
}

void write_counts(JsonWriter& writer, const RequestUsage& usage) {
  writer.key("prompt_tokens").integer(usage.prompt_tokens);
  writer.key("total_tokens").integer(int64_t{usage.prompt_tokens} + usage.completion_tokens);
  writer.key("completion_tokens").integer(usage.completion_tokens);
}

void write_cached(JsonWriter& writer, const RequestUsage& usage) {
  writer.key("prompt_tokens_details").begin_object();
  writer.key("cached_tokens").integer(usage.cached_tokens).end_object();
}

}  // namespace

void begin_event(std::string& out) { out += "data: "; }
void end_event(std::string& out) { out += "\n\n"; }

OpenAiCall::OpenAiCall(CommonRequest common, AnswerLabel label, const ServedModel& model)
    : common_(std::move(common)),
      label_(std::move(label)),
      tokenizer_(*model.tokenizer),
      logprobs_(*model.tokenizer, common_.tokens_as_ids) {}

void OpenAiCall::add(EngineRequest request, Generation generation, const CallContext& context,
                     std::string_view id_prefix) {
  request.id = std::string(id_prefix) + context.request_id + "-" + std::to_string(requests_.size());
  request.label = label_.id;
  request.tenant = context.tenant;
  request.priority = common_.priority;
  request.cache_salt = common_.cache_salt;
  request.stream = common_.stream;
  generation.choices.resize(static_cast<size_t>(request.params.n));
  generation.usage.prompt_tokens = static_cast<int>(request.prompt.size());
  if (shows_prompt()) generation.prompt = request.prompt;
  by_id_.emplace(request.id, requests_.size());
  requests_.push_back(std::move(request));
  generations_.push_back(std::move(generation));
}

std::string OpenAiCall::encode(const RequestOutput& output) {
  const auto place = by_id_.find(output.request_id);
  if (done_ || place == by_id_.end()) return {};
  Generation& generation = generations_[place->second];
  if (generation.finished) return {};
  note(generation, output);
  if (output.error) return fail(*output.error);
  std::string out = streamed() ? stream(generation, output) : std::string();
  if (done_ && streamed()) out += end_of_stream();
  return out;
}

void OpenAiCall::note(Generation& generation, const RequestOutput& output) {
  if (output.usage.prompt_tokens > 0) generation.usage = output.usage;
  if (!output.prompt_logprobs.empty()) generation.prompt_logprobs = output.prompt_logprobs;
  for (const SequenceOutput& news : output.sequences) note_news(generation, news);
  if (!output.finished) return;
  generation.finished = true;
  for (Choice& choice : generation.choices) {
    if (choice.finish_reason == FinishReason::kNone) choice.finish_reason = FinishReason::kLength;
  }
  done_ = ++finished_ == generations_.size();
}

void OpenAiCall::note_news(Generation& generation, const SequenceOutput& news) {
  if (news.index < 0 || static_cast<size_t>(news.index) >= generation.choices.size()) return;
  Choice& choice = generation.choices[static_cast<size_t>(news.index)];
  if (news.finish_reason != FinishReason::kNone) {
    choice.finish_reason = news.finish_reason;
    choice.stop_reason = news.stop_reason;
  }
  if (streamed()) return;
  choice.text += news.text;
  choice.tokens.insert(choice.tokens.end(), news.tokens.begin(), news.tokens.end());
  choice.logprobs.insert(choice.logprobs.end(), news.logprobs.begin(), news.logprobs.end());
}

std::string OpenAiCall::fail(const Error& error) {
  done_ = true;
  error_ = to_api_error(error);
  return streamed() ? encode_error_event(*error_) : std::string();
}

std::string OpenAiCall::stream(Generation& generation, const RequestOutput& output) {
  std::string out;
  for (const SequenceOutput& news : output.sequences) {
    if (news.index < 0 || static_cast<size_t>(news.index) >= generation.choices.size()) continue;
    Choice& choice = generation.choices[static_cast<size_t>(news.index)];
    if (choice.ended) continue;
    choice.ended = choice.finish_reason != FinishReason::kNone;
    write_news(out, generation, news.index, news);
  }
  if (output.finished) close_choices(out, generation);
  return out;
}

// A request that asked for no tokens ends without news of its choices.
void OpenAiCall::close_choices(std::string& out, Generation& generation) {
  for (size_t i = 0; i < generation.choices.size(); ++i) {
    if (generation.choices[i].ended) continue;
    generation.choices[i].ended = true;
    write_news(out, generation, static_cast<int>(i), SequenceOutput{});
  }
}

std::string OpenAiCall::end_of_stream() const {
  std::string out;
  if (common_.include_usage) {
    const RequestUsage total = usage();
    begin_event(out);
    JsonWriter writer(out);
    begin_answer(writer, chunk_object());
    writer.key("choices").begin_array().end_array();
    writer.key("usage").begin_object();
    write_counts(writer, total);
    if (total.cached_tokens > 0) write_cached(writer, total);
    writer.end_object().end_object();
    end_event(out);
  }
  out += kDone;
  return out;
}

RequestUsage OpenAiCall::usage() const {
  RequestUsage total;
  for (const Generation& generation : generations_) total += generation.usage;
  return total;
}

void OpenAiCall::begin_answer(JsonWriter& writer, std::string_view object) const {
  writer.begin_object();
  writer.key("id").string(label_.id);
  writer.key("object").string(object);
  writer.key("created").integer(label_.created);
  writer.key("model").string(label_.model);
}

void OpenAiCall::write_finish(JsonWriter& writer, const Choice& choice, bool always,
                              bool called_tools) {
  const bool finished = choice.finish_reason != FinishReason::kNone;
  const bool stopped = choice.finish_reason == FinishReason::kStop;
  writer.key("finish_reason");
  if (stopped && called_tools) {
    writer.string("tool_calls");
  } else {
    finished ? writer.string(finish_name(choice.finish_reason)) : writer.null();
  }
  if (!finished && !always) return;
  writer.key("stop_reason");
  write_stop_reason(writer, choice);
}

void OpenAiCall::write_tokens(JsonWriter& writer, std::span<const TokenId> tokens) {
  writer.begin_array();
  for (const TokenId token : tokens) writer.integer(token);
  writer.end_array();
}

void OpenAiCall::write_usage(JsonWriter& writer) const {
  const RequestUsage total = usage();
  writer.key("usage").begin_object();
  write_counts(writer, total);
  write_cached(writer, total);
  writer.end_object();
}

void OpenAiCall::write_running_usage(JsonWriter& writer, bool before_first_token) const {
  if (!common_.continuous_usage) return;
  RequestUsage total = usage();
  if (before_first_token) total.completion_tokens = 0;
  writer.key("usage").begin_object();
  write_counts(writer, total);
  writer.end_object();
}

}  // namespace trivet
