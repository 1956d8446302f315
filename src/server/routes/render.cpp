#include "server/plain_answer.h"

namespace trivet::routes {
namespace {

Answer render_chat(const RouteCall& call) {
  return plain_answer(answer_render_chat(call.body, *call.model, call.context));
}

Answer render_completion(const RouteCall& call) {
  return plain_answer(answer_render_completion(call.body, *call.model, call.context));
}

}  // namespace

Route render_chat_route() {
  return {.method = "POST",
          .path = "/v1/chat/completions/render",
          .answer = render_chat,
          .needs_model = true};
}

Route render_completion_route() {
  return {.method = "POST",
          .path = "/v1/completions/render",
          .answer = render_completion,
          .needs_model = true};
}

}  // namespace trivet::routes
