#include "server/openapi.h"

#include "server/route.h"
#include "server/server_state.h"

namespace trivet::routes {
namespace {

constexpr std::string_view kViewerPolicy =
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'";

HttpResponse switched_off() {
  return error_response(404, "NotFoundError", "the server was started with --disable-docs");
}

Answer document(const RouteCall& call) {
  if (!call.server.options().enable_docs) return switched_off();
  HttpResponse response;
  static const std::string kDocument = describe_routes(all_routes());
  response.body = kDocument;
  return response;
}

Answer page(const RouteCall& call) {
  if (!call.server.options().enable_docs) return switched_off();
  HttpResponse response;
  response.content_type = "text/html; charset=utf-8";
  response.body = openapi_page();
  response.fields = {{"Content-Security-Policy", std::string(kViewerPolicy)},
                     {"Referrer-Policy", "no-referrer"}};
  return response;
}

}  // namespace

Route openapi_route() {
  return {.method = "GET", .path = "/openapi.json", .answer = document, .is_open = true};
}

Route docs_route() { return {.method = "GET", .path = "/docs", .answer = page, .is_open = true}; }

}  // namespace trivet::routes
