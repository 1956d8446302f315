#include "server/routes/admin.h"

#include "api/json_fields.h"
#include "server/plain_answer.h"
#include "server/server_state.h"

namespace trivet::routes {
namespace {

// {"request_ids": ["..."]}; no body, or an empty list = all that this client may abort.
std::vector<std::string> read_ids(std::string_view body, FirstError& error) {
  std::vector<std::string> ids;
  if (body.empty()) return ids;
  JsonDocument document;
  const auto object = document.parse_object(body, error);
  if (!object) return ids;
  Fields fields(*object, error);
  fields.read("request_ids", ids);
  return ids;
}

// Everyone may abort requests of their own key; those of others need an administrator.
Answer abort_requests(const RouteCall& call) {
  FirstError error;
  const auto ids = read_ids(call.body, error);
  if (error) return error_response(error.take());
  const bool all_tenants = call.server.options().enable_admin && call.context.admin;
  const int aborted =
      call.server.engine()->abort(ids, all_tenants ? nullptr : &call.context.tenant);
  return json_response("{\"status\":\"aborted\",\"aborted\":" + std::to_string(aborted) + "}");
}

Answer load(const RouteCall& call) {
  return json_response("{\"server_load\":" + std::to_string(call.server.bridge().live_requests()) +
                       "}");
}

Answer server_info(const RouteCall& call) {
  if (auto refusal = refuse_unless_admin(call)) return *std::move(refusal);
  return json_response(call.server.options().info_json);
}

}  // namespace

std::optional<HttpResponse> refuse_unless_admin(const RouteCall& call) {
  if (!call.server.options().enable_admin) {
    return error_response(403, "PermissionDeniedError",
                          "this endpoint changes the server for everyone; start the server with "
                          "--enable-admin to allow it");
  }
  if (call.context.admin) return std::nullopt;
  return error_response(403, "PermissionDeniedError",
                        "this endpoint needs an API key that is marked as admin (--admin-api-key, "
                        "or \"admin\": true in the keys file)");
}

Route abort_requests_route() {
  return {
      .method = "POST", .path = "/abort_requests", .answer = abort_requests, .needs_model = true};
}

Route load_route() { return {.method = "GET", .path = "/load", .answer = load}; }

Route server_info_route() {
  return {.method = "GET", .path = "/server_info", .answer = server_info};
}

}  // namespace trivet::routes
