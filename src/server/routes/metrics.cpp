#include "server/route.h"
#include "server/server_state.h"

namespace trivet::routes {
namespace {

Answer metrics(const RouteCall& call) {
  HttpResponse response;
  response.content_type = Metrics::kContentType;
  response.body = call.server.metrics().render();
  return response;
}

}  // namespace

Route metrics_route() {
  return {.method = "GET", .path = "/metrics", .answer = metrics, .blocks = true};
}

}  // namespace trivet::routes
