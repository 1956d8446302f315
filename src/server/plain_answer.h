// Answers that need no engine, as responses.
#ifndef TRIVET_SERVER_PLAIN_ANSWER_H_
#define TRIVET_SERVER_PLAIN_ANSWER_H_

#include <string>
#include <utility>

#include "server/route.h"

namespace trivet {

inline HttpResponse json_response(std::string body) {
  HttpResponse response;
  response.body = std::move(body);
  return response;
}

inline Answer plain_answer(PlainAnswer answer) {
  if (answer.error) return error_response(*answer.error);
  return json_response(std::move(answer.body));
}

}  // namespace trivet

#endif  // TRIVET_SERVER_PLAIN_ANSWER_H_
