#include "server/route.h"
#include "server/server_state.h"

namespace trivet::routes {
namespace {

HttpResponse empty_ok() {
  HttpResponse response;
  response.content_type.clear();
  return response;
}

// Alive: an orchestrator should restart the process if not.
Answer answer_health(const RouteCall& call) {
  if (call.server.alive()) return empty_ok();
  return error_response(503, "ServiceUnavailable",
                        "the engine has work but makes no progress; restart the server");
}

// Ready: a load balancer should send requests here.
Answer answer_ready(const RouteCall& call) {
  switch (call.server.phase()) {
    case ServerPhase::kLoading:
      return error_response(503, "ServiceUnavailable", "the model is loading", 1);
    case ServerPhase::kDraining:
      return error_response(503, "ServiceUnavailable", "the server is shutting down", 1);
    case ServerPhase::kServing:
      break;
  }
  return answer_health(call);
}

Answer answer_ping(const RouteCall&) { return empty_ok(); }

}  // namespace

Route health_route() {
  return {.method = "GET", .path = "/health", .answer = answer_health, .is_open = true};
}

Route ready_route() {
  return {.method = "GET", .path = "/ready", .answer = answer_ready, .is_open = true};
}

Route ping_route() {
  return {.method = "GET", .path = "/ping", .answer = answer_ping, .is_open = true};
}

}  // namespace trivet::routes
