// The description of all endpoints, made from docs/openapi/ by the build (cmake/embed_openapi.py).
#ifndef TRIVET_SERVER_OPENAPI_H_
#define TRIVET_SERVER_OPENAPI_H_

#include <span>
#include <string>
#include <string_view>

namespace trivet {

struct Route;

std::string_view openapi_document();  // JSON, OpenAPI 3.1
// What it says of these routes, and nothing else.
std::string describe_routes(std::span<const Route> routes);
std::string_view openapi_page();  // the same as HTML that needs nothing else

}  // namespace trivet

#endif  // TRIVET_SERVER_OPENAPI_H_
