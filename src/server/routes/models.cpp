#include "server/plain_answer.h"

namespace trivet::routes {
namespace {

Answer answer_list(const RouteCall& call) { return plain_answer(answer_models(*call.model)); }

Answer answer_one(const RouteCall& call) {
  return plain_answer(answer_model(call.path_parameter, *call.model));
}

}  // namespace

Route models_route() {
  return {.method = "GET", .path = "/v1/models", .answer = answer_list, .needs_model = true};
}

Route model_route() {
  return {.method = "GET", .path = "/v1/models/{id...}", .answer = answer_one, .needs_model = true};
}

}  // namespace trivet::routes
