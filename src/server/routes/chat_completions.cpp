#include "server/route.h"

namespace trivet::routes {
namespace {

Answer complete_chat(const RouteCall& call) {
  ParsedCall parsed = parse_chat_completion(call.body, *call.model, call.context);
  if (parsed.error) return error_response(*parsed.error);
  return EngineCall{std::move(parsed.call), std::move(parsed.ignored_fields)};
}

}  // namespace

Route chat_completions_route() {
  return {.method = "POST",
          .path = "/v1/chat/completions",
          .answer = complete_chat,
          .needs_model = true,
          .generates = true};
}

}  // namespace trivet::routes
