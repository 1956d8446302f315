// Answers that need no engine, as responses.
#ifndef TRIVET_SERVER_PLAIN_ANSWER_H_
#define TRIVET_SERVER_PLAIN_ANSWER_H_

#include <utility>

#include "server/route.h"

namespace trivet {

inline Answer plain_answer(PlainAnswer answer) {
  if (answer.error) return error_response(*answer.error);
  HttpResponse response;
  response.body = std::move(answer.body);
  return response;
}

}  // namespace trivet

#endif  // TRIVET_SERVER_PLAIN_ANSWER_H_
