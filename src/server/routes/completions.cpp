#include "server/route.h"

namespace trivet::routes {
namespace {

Answer complete_text(const RouteCall& call) {
  ParsedCall parsed = parse_completion(call.body, *call.model, call.context);
  if (parsed.error) return error_response(*parsed.error);
  return EngineCall{std::move(parsed.call), std::move(parsed.ignored_fields)};
}

}  // namespace

Route completions_route() {
  return {.method = "POST",
          .path = "/v1/completions",
          .answer = complete_text,
          .needs_model = true,
          .generates = true};
}

}  // namespace trivet::routes
