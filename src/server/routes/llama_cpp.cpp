// llama.cpp's own API, and its other names for OpenAI's paths.
#include "api/llama_cpp/llama_cpp_api.h"

#include "server/plain_answer.h"
#include "server/server_state.h"

namespace trivet::routes {

Route chat_completions_route();
Route models_route();
Route health_route();

namespace {

Answer engine_call(ParsedCall parsed) {
  if (parsed.error) return error_response(*parsed.error);
  return EngineCall{std::move(parsed.call), std::move(parsed.ignored_fields)};
}

Answer complete(const RouteCall& call) {
  return engine_call(parse_native_completion(call.body, *call.model, call.context));
}

Answer fill_in(const RouteCall& call) {
  return engine_call(parse_infill(call.body, *call.model, call.context));
}

Answer apply_template(const RouteCall& call) {
  return plain_answer(answer_apply_template(call.body, *call.model));
}

Answer props(const RouteCall& call) { return plain_answer(answer_props(*call.model)); }

Answer slots(const RouteCall& call) {
  const bool fail_if_busy = call.query.find("fail_on_no_slot=1") != std::string_view::npos;
  return plain_answer(
      answer_slots(*call.model, call.server.engine()->stats().running, fail_if_busy));
}

Answer no_change(const RouteCall&) {
  return error_response(501, "NotImplementedError",
                        "the properties of a running server do not change; restart it");
}

Answer no_slot_files(const RouteCall&) {
  return error_response(501, "NotImplementedError",
                        "slots are not saved or erased: the prefix cache keeps prompts by itself");
}

Answer no_adapters(const RouteCall&) { return json_response("[]"); }

Route llama_generating(std::string_view path, AnswerFunction answer) {
  return {.method = "POST",
          .path = path,
          .answer = answer,
          .needs_model = true,
          .generates = true,
          .error_body = encode_llama_cpp_error};
}

Route llama_plain(std::string_view method, std::string_view path, AnswerFunction answer) {
  return {.method = method,
          .path = path,
          .answer = answer,
          .needs_model = true,
          .error_body = encode_llama_cpp_error};
}

Route renamed(Route route, std::string_view path) {
  route.path = path;
  return route;
}

}  // namespace

Route native_completion_route() { return llama_generating("/completion", complete); }
Route native_completions_route() { return llama_generating("/completions", complete); }
Route infill_route() { return llama_generating("/infill", fill_in); }
Route apply_template_route() { return llama_plain("POST", "/apply-template", apply_template); }
Route props_route() { return llama_plain("GET", "/props", props); }
Route change_props_route() { return llama_plain("POST", "/props", no_change); }
Route slots_route() { return llama_plain("GET", "/slots", slots); }
Route slot_action_route() { return llama_plain("POST", "/slots/{id}", no_slot_files); }
Route lora_adapters_route() { return llama_plain("GET", "/lora-adapters", no_adapters); }

Route bare_chat_route() { return renamed(chat_completions_route(), "/chat/completions"); }
Route bare_models_route() { return renamed(models_route(), "/models"); }
Route v1_health_route() { return renamed(health_route(), "/v1/health"); }

}  // namespace trivet::routes
