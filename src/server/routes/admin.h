// Endpoints that change the server for everyone.
#ifndef TRIVET_SERVER_ROUTES_ADMIN_H_
#define TRIVET_SERVER_ROUTES_ADMIN_H_

#include <optional>

#include "server/route.h"

namespace trivet::routes {

// 403 unless the server was started to allow it.
std::optional<HttpResponse> refuse_unless_admin(const RouteCall& call);

}  // namespace trivet::routes

#endif  // TRIVET_SERVER_ROUTES_ADMIN_H_
