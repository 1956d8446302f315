#include "server/plain_answer.h"

namespace trivet::routes {
namespace {

Answer answer(const RouteCall&) { return plain_answer(answer_version()); }

}  // namespace

Route version_route() {
  return {.method = "GET", .path = "/version", .answer = answer, .is_open = true};
}

}  // namespace trivet::routes
