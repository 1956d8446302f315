// The body of POST /v1/responses, translated into a chat body and what the response repeats.
#ifndef TRIVET_API_RESPONSES_RESPONSE_REQUEST_H_
#define TRIVET_API_RESPONSES_RESPONSE_REQUEST_H_

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/json_fields.h"
#include "api/responses/response_history.h"

namespace trivet {

struct ResponseRequest {
  std::string chat_body;    // for read_chat_request
  std::string input_items;  // JSON array
  std::string turn;         // the chat messages of this turn's input, without brackets
  bool stream = false, store = true, background = false;
  bool wants_logprobs = false;
  std::optional<std::string> previous_id;
  std::optional<std::string> conversation;  // that input and output are added to in the end
  // Members that the response object repeats: name and JSON.
  std::vector<std::pair<std::string, std::string>> echoed;
  std::vector<std::string> ignored_fields;
};

// `suffix` makes the ids of the input's items. Errors go to `error`.
std::optional<ResponseRequest> read_response_request(std::string_view body, std::string_view suffix,
                                                     ResponseHistory& history, FirstError& error);

}  // namespace trivet

#endif  // TRIVET_API_RESPONSES_RESPONSE_REQUEST_H_
