// The OpenAI Batch API.
#include "server/route.h"
#include "server/routes/page_query.h"
#include "server/server_state.h"
#include "server/services/batch_service.h"
#include "server/services/services.h"

namespace trivet::routes {
namespace {

BatchService& batch_service(const RouteCall& call) { return call.server.services().batches(); }

Answer create_batch(const RouteCall& call) { return batch_service(call).create(call); }
Answer get_batch(const RouteCall& call) {
  return batch_service(call).get(call, std::string(call.path_parameter));
}
Answer cancel_batch(const RouteCall& call) {
  return batch_service(call).cancel(call, std::string(call.path_parameter));
}
Answer list_batches(const RouteCall& call) {
  HttpResponse refusal;
  const auto page = read_page_query(call.query, 20, 100, refusal);
  if (!page) return refusal;
  return batch_service(call).list(call, page->after, page->limit);
}

}  // namespace

Route batches_route() {
  return {.method = "GET", .path = "/v1/batches", .answer = list_batches, .blocks = true};
}

Route batch_create_route() {
  return {.method = "POST", .path = "/v1/batches", .answer = create_batch, .blocks = true};
}

Route batch_route() {
  return {.method = "GET", .path = "/v1/batches/{id}", .answer = get_batch, .blocks = true};
}

Route batch_cancel_route() {
  return {
      .method = "POST", .path = "/v1/batches/{id}/cancel", .answer = cancel_batch, .blocks = true};
}

}  // namespace trivet::routes
