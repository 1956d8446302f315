#include "server/plain_answer.h"

namespace trivet::routes {
namespace {

Answer server_version(const RouteCall&) { return plain_answer(answer_version()); }

}  // namespace

Route version_route() {
  return {.method = "GET", .path = "/version", .answer = server_version, .is_open = true};
}

}  // namespace trivet::routes
