// The OpenAI Responses API.
#include "server/http/query.h"
#include "server/route.h"
#include "server/routes/page_query.h"
#include "server/server_state.h"
#include "server/services/response_service.h"
#include "server/services/services.h"

namespace trivet::routes {
namespace {

ResponseService& response_service(const RouteCall& call) {
  return call.server.services().responses();
}

Answer create_response(const RouteCall& call) { return response_service(call).create(call); }

// ?stream=true&starting_after=N goes on after event N.
Answer get_response(const RouteCall& call) {
  const std::string id(call.path_parameter);
  if (query_value(call.query, "stream").value_or("false") != "true")
    return response_service(call).get(call, id);
  std::optional<HttpResponse> refusal;
  const auto after = read_number(call.query, "starting_after", refusal);
  if (refusal) return *refusal;
  return response_service(call).stream(call, id, after ? std::min(*after, UINT64_MAX - 1) + 1 : 0);
}

Answer erase_response(const RouteCall& call) {
  return response_service(call).erase(call, std::string(call.path_parameter));
}

Answer cancel_response(const RouteCall& call) {
  return response_service(call).cancel(call, std::string(call.path_parameter));
}

Answer input_items(const RouteCall& call) {
  HttpResponse refusal;
  const auto page = read_page_query(call.query, 20, 100, refusal);
  if (!page) return refusal;
  return response_service(call).input_items(call, std::string(call.path_parameter), page->after,
                                            page->limit, page->newest_first);
}

}  // namespace

Route responses_route() {
  return {.method = "POST",
          .path = "/v1/responses",
          .answer = create_response,
          .needs_model = true,
          .generates = true,
          .blocks = true};
}

Route response_route() {
  return {.method = "GET", .path = "/v1/responses/{id}", .answer = get_response, .blocks = true};
}

Route response_delete_route() {
  return {
      .method = "DELETE", .path = "/v1/responses/{id}", .answer = erase_response, .blocks = true};
}

Route response_cancel_route() {
  return {.method = "POST",
          .path = "/v1/responses/{id}/cancel",
          .answer = cancel_response,
          .blocks = true};
}

Route response_input_route() {
  return {.method = "GET",
          .path = "/v1/responses/{id}/input_items",
          .answer = input_items,
          .blocks = true};
}

}  // namespace trivet::routes
