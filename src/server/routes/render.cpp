#include "server/plain_answer.h"

namespace trivet::routes {
namespace {

Answer chat(const RouteCall& call) {
  return plain_answer(answer_render_chat(call.body, *call.model, call.context));
}

Answer completion(const RouteCall& call) {
  return plain_answer(answer_render_completion(call.body, *call.model, call.context));
}

}  // namespace

Route render_chat_route() {
  return {
      .method = "POST", .path = "/v1/chat/completions/render", .answer = chat, .needs_model = true};
}

Route render_completion_route() {
  return {.method = "POST",
          .path = "/v1/completions/render",
          .answer = completion,
          .needs_model = true};
}

}  // namespace trivet::routes
