// POST /v1/chat/completions/render and /v1/completions/render: what a request would be given to the
// engine as, in vLLM's shape of a request by tokens.
#include "api/call.h"
#include "api/json_writer.h"

namespace trivet {
namespace {

void write_tokens(JsonWriter& writer, const std::vector<TokenId>& tokens) {
  writer.begin_array();
  for (const TokenId token : tokens) writer.integer(token);
  writer.end_array();
}

void write_optional(JsonWriter& writer, const std::optional<int>& value) {
  value ? writer.integer(*value) : writer.null();
}

void write_sampling(JsonWriter& writer, const GenerationParams& params) {
  writer.begin_object();
  writer.key("n").integer(params.n);
  writer.key("temperature").number(params.temperature);
  writer.key("top_p").number(params.top_p);
  writer.key("top_k").integer(params.top_k);
  writer.key("min_p").number(params.min_p);
  writer.key("presence_penalty").number(params.presence_penalty);
  writer.key("frequency_penalty").number(params.frequency_penalty);
  writer.key("repetition_penalty").number(params.repetition_penalty);
  writer.key("seed");
  params.seed ? writer.raw(std::to_string(*params.seed)) : writer.null();
  writer.key("stop").begin_array();
  for (const std::string& stop : params.stop) writer.string(stop);
  writer.end_array().key("stop_token_ids");
  write_tokens(writer, params.stop_tokens);
  writer.key("ignore_eos").boolean(params.ignore_eos);
  writer.key("max_tokens");
  write_optional(writer, params.max_tokens);
  writer.key("min_tokens").integer(params.min_tokens);
  writer.key("logprobs");
  write_optional(writer, params.logprobs);
  writer.key("prompt_logprobs");
  write_optional(writer, params.prompt_logprobs);
  writer.key("include_stop_str_in_output").boolean(params.include_stop_text);
  writer.key("skip_special_tokens").boolean(params.skip_special_tokens);
  writer.end_object();
}

void write_request(JsonWriter& writer, const EngineRequest& request, bool streamed,
                   const ServedModel& model) {
  writer.begin_object();
  writer.key("request_id").string(request.label.empty() ? request.id : request.label);
  writer.key("token_ids");
  write_tokens(writer, request.prompt);
  writer.key("features").null();
  writer.key("sampling_params");
  write_sampling(writer, request.params);
  writer.key("model").string(model.names.front());
  writer.key("stream").boolean(streamed);
  writer.key("cache_salt");
  request.cache_salt.empty() ? writer.null() : writer.string(request.cache_salt);
  writer.key("priority").integer(request.priority);
  writer.key("kv_transfer_params").null();
  writer.end_object();
}

}  // namespace

PlainAnswer answer_render_chat(std::string_view body, const ServedModel& model,
                               const CallContext& context) {
  ParsedCall parsed = parse_chat_completion(body, model, context);
  if (parsed.error) return {{}, std::move(parsed.error)};
  std::string out;
  JsonWriter writer(out);
  write_request(writer, parsed.call->take_requests().front(), parsed.call->streamed(), model);
  return {std::move(out), std::nullopt};
}

PlainAnswer answer_render_completion(std::string_view body, const ServedModel& model,
                                     const CallContext& context) {
  ParsedCall parsed = parse_completion(body, model, context);
  if (parsed.error) return {{}, std::move(parsed.error)};
  std::string out;
  JsonWriter writer(out);
  writer.begin_array();
  for (const EngineRequest& request : parsed.call->take_requests()) {
    write_request(writer, request, parsed.call->streamed(), model);
  }
  writer.end_array();
  return {std::move(out), std::nullopt};
}

}  // namespace trivet
