// The Anthropic API.
#include "api/anthropic/messages_api.h"
#include "server/plain_answer.h"

namespace trivet::routes {
namespace {

Answer create_message(const RouteCall& call) {
  ParsedCall parsed = parse_messages(call.body, *call.model, call.context);
  if (parsed.error) return error_response(*parsed.error);
  return EngineCall{std::move(parsed.call), std::move(parsed.ignored_fields)};
}

Answer count_message(const RouteCall& call) {
  return plain_answer(answer_count_tokens(call.body, *call.model));
}

}  // namespace

Route messages_route() {
  return {.method = "POST",
          .path = "/v1/messages",
          .answer = create_message,
          .needs_model = true,
          .generates = true,
          .error_body = encode_anthropic_error};
}

Route count_tokens_route() {
  return {.method = "POST",
          .path = "/v1/messages/count_tokens",
          .answer = count_message,
          .needs_model = true,
          .error_body = encode_anthropic_error};
}

}  // namespace trivet::routes
