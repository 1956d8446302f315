#include "server/server.h"

#include "server/http_server.h"

namespace trivet {

Result<std::unique_ptr<HttpServer>> HttpServer::create(const ServerOptions& options,
                                                       EngineBridge& bridge, Metrics& metrics,
                                                       AccessLog* access_log) {
  return create_http_server(options, all_routes(), bridge, metrics, access_log);
}

}  // namespace trivet
