// The Ollama API, except for what is about models on disk.
#include "api/ollama/ollama_api.h"

#include "server/plain_answer.h"

namespace trivet::routes {
namespace {

Answer answer_of(OllamaAnswer answer) {
  if (auto* plain = std::get_if<PlainAnswer>(&answer)) return plain_answer(std::move(*plain));
  ParsedCall& parsed = std::get<ParsedCall>(answer);
  return EngineCall{std::move(parsed.call), std::move(parsed.ignored_fields)};
}

Answer generate(const RouteCall& call) {
  return answer_of(answer_ollama_generate(call.body, *call.model, call.context));
}

Answer chat(const RouteCall& call) {
  return answer_of(answer_ollama_chat(call.body, *call.model, call.context));
}

Answer ps(const RouteCall& call) { return plain_answer(answer_ollama_ps(*call.model)); }

Answer show(const RouteCall& call) {
  return plain_answer(answer_ollama_show(call.body, *call.model));
}

Answer version(const RouteCall&) { return plain_answer(answer_ollama_version()); }

Answer no_embeddings(const RouteCall&) {
  return error_response(501, "NotImplementedError", "this server has no embeddings yet");
}

Answer no_making(const RouteCall&) {
  return error_response(501, "NotImplementedError",
                        "models are not made or sent through this API; use `trivet pull`");
}

Route ollama_generating(std::string_view path, AnswerFunction answer) {
  return {.method = "POST",
          .path = path,
          .answer = answer,
          .needs_model = true,
          .generates = true,
          .error_body = encode_ollama_error};
}

Route ollama_plain(std::string_view method, std::string_view path, AnswerFunction answer,
                   bool needs_model) {
  return {.method = method,
          .path = path,
          .answer = answer,
          .needs_model = needs_model,
          .error_body = encode_ollama_error};
}

}  // namespace

Route ollama_generate_route() { return ollama_generating("/api/generate", generate); }
Route ollama_chat_route() { return ollama_generating("/api/chat", chat); }
Route ollama_ps_route() { return ollama_plain("GET", "/api/ps", ps, true); }
Route ollama_show_route() { return ollama_plain("POST", "/api/show", show, true); }
Route ollama_version_route() {
  Route route = ollama_plain("GET", "/api/version", version, false);
  route.is_open = true;
  return route;
}
Route ollama_embed_route() { return ollama_plain("POST", "/api/embed", no_embeddings, false); }
Route ollama_embeddings_route() {
  return ollama_plain("POST", "/api/embeddings", no_embeddings, false);
}
Route ollama_create_route() { return ollama_plain("POST", "/api/create", no_making, false); }
Route ollama_copy_route() { return ollama_plain("POST", "/api/copy", no_making, false); }
Route ollama_push_route() { return ollama_plain("POST", "/api/push", no_making, false); }

}  // namespace trivet::routes
