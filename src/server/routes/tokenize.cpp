#include "server/plain_answer.h"

namespace trivet::routes {
namespace {

Answer to_tokens(const RouteCall& call) {
  return plain_answer(answer_tokenize(call.body, *call.model));
}

Answer to_text(const RouteCall& call) {
  return plain_answer(answer_detokenize(call.body, *call.model));
}

}  // namespace

Route tokenize_route() {
  return {.method = "POST", .path = "/tokenize", .answer = to_tokens, .needs_model = true};
}

Route detokenize_route() {
  return {.method = "POST", .path = "/detokenize", .answer = to_text, .needs_model = true};
}

}  // namespace trivet::routes
