// The server with every part replaceable, for tests.
#ifndef TRIVET_SERVER_HTTP_SERVER_H_
#define TRIVET_SERVER_HTTP_SERVER_H_

#include <memory>
#include <span>

#include "server/route.h"
#include "server/server.h"

namespace trivet {

// As HttpServer::create, with these endpoints; the table must outlive the server.
Result<std::unique_ptr<HttpServer>> create_http_server(const ServerOptions& options,
                                                       std::span<const Route> routes,
                                                       EngineBridge& bridge, Metrics& metrics,
                                                       AccessLog* access_log);

}  // namespace trivet

#endif  // TRIVET_SERVER_HTTP_SERVER_H_
