#include "api/openai/request_fields.h"

#include <algorithm>
#include <charconv>

namespace trivet {
namespace {

using simdjson::dom::element;

constexpr size_t kMaxIdBytes = 256;

void read_sampling(Fields& fields, const GenerationDefaults& defaults, GenerationParams& params) {
  params.temperature = defaults.temperature.value_or(params.temperature);
  params.top_p = defaults.top_p.value_or(params.top_p);
  params.top_k = defaults.top_k.value_or(params.top_k);
  params.min_p = defaults.min_p.value_or(params.min_p);
  params.repetition_penalty = defaults.repetition_penalty.value_or(params.repetition_penalty);
  fields.read("temperature", params.temperature);
  fields.read("top_p", params.top_p);
  fields.read("top_k", params.top_k);
  fields.read("min_p", params.min_p);
  fields.read("typical_p", params.typical_p);
  fields.read("presence_penalty", params.presence_penalty);
  fields.read("frequency_penalty", params.frequency_penalty);
  fields.read("repeat_penalty", params.repetition_penalty);  // llama.cpp's name
  fields.read("repetition_penalty", params.repetition_penalty);
  fields.read("n", params.n);
  std::optional<int64_t> seed;
  fields.read("seed", seed);
  if (seed && *seed != -1) params.seed = static_cast<uint64_t>(*seed);  // -1: random, as in vLLM
}

void read_logit_bias(Fields& fields, GenerationParams& params) {
  const auto bias = fields.read_object("logit_bias");
  if (!bias) return;
  for (const auto field : *bias) {
    TokenId token = 0;
    const char* end = field.key.data() + field.key.size();
    const auto parsed = std::from_chars(field.key.data(), end, token);
    if (parsed.ec != std::errc() || parsed.ptr != end) {
      fields.error().bad_request("`logit_bias` must map token ids to numbers, got the key \"" +
                                     std::string(field.key) + "\".",
                                 "logit_bias");
      return;
    }
    double value = 0;
    if (!field.value.is_number() || field.value.get(value)) {
      return fields.wrong_type("logit_bias", "an object of numbers", field.value);
    }
    params.logit_bias.emplace_back(token, static_cast<float>(std::clamp(value, -100.0, 100.0)));
  }
}

// A word is banned as it is spelt at the start of a text and after a space.
void read_bad_words(Fields& fields, const Tokenizer& tokenizer, GenerationParams& params) {
  std::vector<std::string> words;
  fields.read("bad_words", words);
  for (const std::string& word : words) {
    const std::string bare = word.substr(std::min(word.find_first_not_of(' '), word.size()));
    for (const std::string& spelling : {bare, " " + bare}) {
      auto tokens = tokenizer.encode(spelling, {false, true});
      if (!tokens) return fields.error().add(to_api_error(tokens.error()));
      if (bare.empty() || tokens->empty()) {
        return fields.error().bad_request("`bad_words` must not hold an empty string.",
                                          "bad_words");
      }
      if (std::find(params.bad_words.begin(), params.bad_words.end(), *tokens) ==
          params.bad_words.end()) {
        params.bad_words.push_back(std::move(*tokens));
      }
    }
  }
}

void read_stops(Fields& fields, GenerationParams& params) {
  if (const auto stop = fields.find("stop"); stop && stop->is_string()) {
    params.stop.resize(1);
    fields.read("stop", params.stop[0]);
  } else if (stop && !stop->is_array()) {
    fields.wrong_type("stop", "a string or an array of strings", *stop);
  } else {
    fields.read("stop", params.stop);
  }
  fields.read("stop_token_ids", params.stop_tokens);
  fields.read("include_stop_str_in_output", params.include_stop_text);
  fields.read("ignore_eos", params.ignore_eos);
  fields.read("min_tokens", params.min_tokens);
  fields.read("skip_special_tokens", params.skip_special_tokens);
}

void read_token_limits(Fields& fields, const ServedModel& model, GenerationParams& params) {
  read_logit_bias(fields, params);
  fields.read("allowed_token_ids", params.allowed_tokens);
  if (fields.has("allowed_token_ids") && params.allowed_tokens.empty()) {
    fields.error().bad_request("`allowed_token_ids` must not be empty.", "allowed_token_ids");
  }
  read_bad_words(fields, *model.tokenizer, params);
}

void read_streaming(Fields& fields, CommonRequest& request) {
  fields.read("stream", request.stream);
  const auto options = fields.read_object("stream_options");
  if (!options) return;
  if (!request.stream) {
    fields.error().bad_request("`stream_options` is only allowed with `stream`: true.",
                               "stream_options");
    return;
  }
  Fields inner(*options, fields.error(), "stream_options.");
  inner.read("include_usage", request.include_usage);
  inner.read("continuous_usage_stats", request.continuous_usage);
  inner.read("resumable", request.resumable);
  request.continuous_usage = request.continuous_usage && request.include_usage;
}

void read_prompt_logprobs(Fields& fields, CommonRequest& request) {
  auto& count = request.params.prompt_logprobs;
  fields.read("prompt_logprobs", count);
  if (count && request.stream && *count != 0) {
    fields.error().bad_request("`prompt_logprobs` are not available with `stream`: true.",
                               "prompt_logprobs");
  }
  if (request.stream) count.reset();
}

// What would change the answer must not be dropped silently.
void refuse_unsupported(Fields& fields) {
  static constexpr std::string_view kUnsupported[] = {"logprob_token_ids", "prompt_embeds",
                                                      "repetition_detection", "logits_processors"};
  for (const std::string_view name : kUnsupported) {
    if (!fields.has(name)) continue;
    fields.error().not_implemented(
        std::string("`").append(name).append("` is not supported yet; leave it out."),
        std::string(name));
  }
  bool beam_search = false;
  fields.read("use_beam_search", beam_search);
  if (beam_search) {
    fields.error().not_implemented("`use_beam_search` is not supported; leave it out.",
                                   "use_beam_search");
  }
}

void read_identity(Fields& fields, CommonRequest& request) {
  fields.read("priority", request.priority);
  fields.read("cache_salt", request.cache_salt);
  if (fields.has("cache_salt") && request.cache_salt.empty()) {
    fields.error().bad_request("`cache_salt` must be a non-empty string.", "cache_salt");
  }
  fields.read("request_id", request.request_id);
  if (request.request_id && request.request_id->size() > kMaxIdBytes) {
    fields.error().bad_request("`request_id` has more than 256 bytes.", "request_id");
  }
  std::string user;  // no meaning here, but the type is checked
  fields.read("user", user);
}

}  // namespace

CommonRequest read_common(Fields& fields, const ServedModel& model) {
  CommonRequest request;
  read_sampling(fields, model.defaults, request.params);
  read_stops(fields, request.params);
  read_token_limits(fields, model, request.params);
  read_streaming(fields, request);
  request.include_usage |= request.stream && model.force_include_usage;
  read_prompt_logprobs(fields, request);
  read_identity(fields, request);
  fields.read("echo", request.echo);
  fields.read("return_token_ids", request.return_token_ids);
  fields.read("return_tokens_as_token_ids", request.tokens_as_ids);
  fields.read("truncate_prompt_tokens", request.truncate_prompt_tokens);
  if (request.truncate_prompt_tokens &&
      (*request.truncate_prompt_tokens < -1 || *request.truncate_prompt_tokens == 0)) {
    fields.error().bad_request("`truncate_prompt_tokens` must be -1 or at least 1, got " +
                                   std::to_string(*request.truncate_prompt_tokens) + ".",
                               "truncate_prompt_tokens");
  }
  refuse_unsupported(fields);
  request.output_format = read_output_format(fields);
  return request;
}

void check_model(Fields& fields, const ServedModel& model) {
  std::string name;
  fields.read("model", name);
  if (name.empty() ||
      std::find(model.names.begin(), model.names.end(), name) != model.names.end()) {
    return;
  }
  ApiError error =
      to_api_error(Error(ErrorCode::kNotFound, "The model `" + name + "` does not exist."));
  error.param = "model";
  fields.error().add(std::move(error));
}

void check_params(const GenerationParams& params, const ServedModel& model, FirstError& error) {
  const auto valid = validate(params, model.limits);
  if (valid) return;
  const std::string& message = valid.error().message();
  const std::string first_word = message.substr(0, message.find(' '));
  const bool is_name =
      !first_word.empty() &&
      first_word.find_first_not_of("abcdefghijklmnopqrstuvwxyz_") == std::string::npos;
  error.bad_request(message, is_name ? std::optional(first_word)
                                     : std::optional<std::string>(std::string("stop")));
}

}  // namespace trivet
