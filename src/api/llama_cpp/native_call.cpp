#include "api/llama_cpp/native_call.h"

#include <algorithm>
#include <cmath>

#include "api/json_fields.h"
#include "api/llama_cpp/llama_cpp_api.h"

namespace trivet {
namespace {

// The fields named "a" or "a/b" of a JSON object, under their last names.
std::string picked_fields(const std::string& json, const std::vector<std::string>& names) {
  JsonDocument document;
  const auto root = document.parse(json);
  std::string out;
  JsonWriter writer(out);
  writer.begin_object();
  for (const std::string& name : names) {
    simdjson::dom::element value;
    if (!root || root->at_pointer("/" + name).get(value)) continue;
    writer.key(name.substr(name.rfind('/') + 1));
    write_element(writer, value);
  }
  writer.end_object();
  return out;
}

float milliseconds(TimePoint from, TimePoint to) {
  return static_cast<float>(nanoseconds_between(from, to)) / 1e6f;
}

void write_rate(JsonWriter& writer, const std::string& stage, int count, float ms) {
  writer.key(stage + "_n").integer(count);
  writer.key(stage + "_ms").number(ms);
  writer.key(stage + "_per_token_ms").number(count > 0 ? ms / static_cast<float>(count) : 0);
  writer.key(stage + "_per_second").number(ms > 0 ? 1000 * static_cast<float>(count) / ms : 0);
}

void write_tokens(JsonWriter& writer, std::span<const TokenId> tokens) {
  writer.key("tokens").begin_array();
  for (const TokenId token : tokens) writer.integer(token);
  writer.end_array();
}

}  // namespace

NativeCall::NativeCall(std::vector<NativePrompt> prompts, bool is_array,
                       const NativeRequest& request, const ServedModel& model,
                       const CallContext& context)
    : AnswersCall(request.stream),
      is_array_(is_array),
      return_tokens_(request.return_tokens),
      response_fields_(request.response_fields),
      model_name_(model.names.front()),
      tokenizer_(*model.tokenizer) {
  for (NativePrompt& prompt : prompts) {
    EngineRequest engine_request;
    engine_request.prompt = prompt.tokens;
    engine_request.params = prompt.params;
    add(std::move(engine_request), context, "cmpl-");
    answers_.push_back({std::move(prompt), {}, {}, {}, false});
  }
}

std::string NativeCall::encode_error_body(const ApiError& error) const {
  return encode_llama_cpp_error(error);
}

std::string NativeCall::encode_error_event(const ApiError& error) const {
  return "data: " + encode_llama_cpp_error(error) + "\n\n";
}

void NativeCall::take(std::string& out, size_t index, const SequenceOutput& news) {
  Answer& answer = answers_[index];
  answer.has_new_line = answer.has_new_line || news.text.find('\n') != std::string::npos;
  answer.tokens.insert(answer.tokens.end(), news.tokens.begin(), news.tokens.end());
  if (streamed()) {
    if (!news.text.empty() || !news.tokens.empty()) write_chunk(out, index, news);
    return;
  }
  answer.text += news.text;
  answer.logprobs.insert(answer.logprobs.end(), news.logprobs.begin(), news.logprobs.end());
}

void NativeCall::finish(std::string& out, size_t index) {
  if (streamed()) out += "data: " + answer_json(index) + "\n\n";
}

void NativeCall::write_chunk(std::string& out, size_t index, const SequenceOutput& news) const {
  out += "data: ";
  JsonWriter writer(out);
  writer.begin_object().key("index").integer(static_cast<int64_t>(index));
  writer.key("content").string(news.text);
  write_tokens(writer, news.tokens);
  writer.key("stop").boolean(false).key("id_slot").integer(static_cast<int64_t>(index));
  writer.key("tokens_predicted").integer(progress(index).usage.completion_tokens);
  writer.key("tokens_evaluated").integer(progress(index).usage.prompt_tokens);
  if (!news.logprobs.empty()) write_probabilities(writer, news.logprobs);
  writer.end_object();
  out += "\n\n";
}

std::string NativeCall::answer_json(size_t index) const {
  std::string out;
  JsonWriter writer(out);
  write_answer(writer, index);
  return response_fields_.empty() ? out : picked_fields(out, response_fields_);
}

void NativeCall::write_answer(JsonWriter& writer, size_t index) const {
  const Answer& answer = answers_[index];
  const RequestUsage& usage = progress(index).usage;
  writer.begin_object().key("index").integer(static_cast<int64_t>(index));
  writer.key("content").string(answer.text);
  write_tokens(writer, return_tokens_ && !streamed() ? std::span<const TokenId>(answer.tokens)
                                                     : std::span<const TokenId>());
  writer.key("id_slot").integer(static_cast<int64_t>(index)).key("stop").boolean(true);
  writer.key("model").string(model_name_);
  writer.key("tokens_predicted").integer(usage.completion_tokens);
  writer.key("tokens_evaluated").integer(usage.prompt_tokens);
  writer.key("generation_settings");
  write_generation_settings(writer, answer.prompt.params, streamed());
  const auto prompt = tokenizer_.decode(answer.prompt.tokens, false);
  writer.key("prompt").string(prompt ? *prompt : std::string());
  writer.key("has_new_line").boolean(answer.has_new_line).key("truncated").boolean(false);
  write_stop(writer, index);
  writer.key("tokens_cached").integer(int64_t{usage.prompt_tokens} + usage.completion_tokens);
  write_timings(writer, index);
  if (!answer.logprobs.empty()) write_probabilities(writer, answer.logprobs);
  writer.end_object();
}

void NativeCall::write_stop(JsonWriter& writer, size_t index) const {
  const Progress& answer = progress(index);
  const auto* word = std::get_if<std::string>(&answer.stop_reason);
  std::string_view type = "limit";
  if (answer.finish_reason == FinishReason::kStop) type = word != nullptr ? "word" : "eos";
  writer.key("stop_type").string(type);
  writer.key("stopping_word").string(word != nullptr ? *word : std::string());
}

void NativeCall::write_timings(JsonWriter& writer, size_t index) const {
  const Progress& answer = progress(index);
  const RequestTiming& timing = answer.timing;
  writer.key("timings").begin_object();
  writer.key("cache_n").integer(answer.usage.cached_tokens);
  write_rate(writer, "prompt", answer.usage.prompt_tokens - answer.usage.cached_tokens,
             milliseconds(timing.scheduled, timing.first_token));
  write_rate(writer, "predicted", answer.usage.completion_tokens,
             milliseconds(timing.first_token, timing.finished));
  writer.end_object();
}

void NativeCall::write_probabilities(JsonWriter& writer,
                                     std::span<const PositionLogprobs> positions) const {
  const auto write_entry = [&](const TokenLogprob& entry) {
    const std::string_view bytes = tokenizer_.token_bytes(entry.token);
    writer.key("id").integer(entry.token).key("token").string(bytes).key("bytes").begin_array();
    for (const char c : bytes) writer.integer(static_cast<unsigned char>(c));
    writer.end_array().key("logprob").number(std::max(entry.logprob, -9999.0f));
  };
  writer.key("completion_probabilities").begin_array();
  for (const PositionLogprobs& position : positions) {
    writer.begin_object();
    write_entry(position.chosen);
    writer.key("top_logprobs").begin_array();
    for (const TokenLogprob& entry : position.top) {
      writer.begin_object();
      write_entry(entry);
      writer.end_object();
    }
    writer.end_array().end_object();
  }
  writer.end_array();
}

std::string NativeCall::body() const {
  if (!is_array_) return answer_json(0);
  std::string out = "[";
  for (size_t i = 0; i < answer_count(); ++i) {
    if (i > 0) out += ',';
    out += answer_json(i);
  }
  return out + "]";
}

void write_generation_settings(JsonWriter& writer, const GenerationParams& params, bool stream) {
  writer.begin_object();
  writer.key("seed").integer(params.seed ? static_cast<int64_t>(*params.seed & 0xFFFFFFFF)
                                         : int64_t{0xFFFFFFFF});
  writer.key("temperature").number(params.temperature).key("top_k").integer(params.top_k);
  writer.key("top_p").number(params.top_p).key("min_p").number(params.min_p);
  writer.key("typical_p").number(params.typical_p).key("repeat_last_n").integer(-1);
  writer.key("repeat_penalty").number(params.repetition_penalty);
  writer.key("presence_penalty").number(params.presence_penalty);
  writer.key("frequency_penalty").number(params.frequency_penalty);
  writer.key("mirostat").integer(0).key("stop").begin_array();
  for (const std::string& stop : params.stop) writer.string(stop);
  writer.end_array().key("max_tokens").integer(params.max_tokens.value_or(-1));
  writer.key("n_predict").integer(params.max_tokens.value_or(-1));
  writer.key("n_keep").integer(0).key("ignore_eos").boolean(params.ignore_eos);
  writer.key("stream").boolean(stream).key("n_probs").integer(params.logprobs.value_or(0));
  writer.key("samplers").begin_array();
  for (const char* name : {"penalties", "temperature", "top_k", "typ_p", "top_p", "min_p"}) {
    writer.string(name);
  }
  writer.end_array().end_object();
}

}  // namespace trivet
