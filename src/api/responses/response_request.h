// The body of POST /v1/responses, translated into a chat body and what the response repeats.
#ifndef TRIVET_API_RESPONSES_RESPONSE_REQUEST_H_
#define TRIVET_API_RESPONSES_RESPONSE_REQUEST_H_

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/json_fields.h"

namespace trivet {

// The turns of the conversation that a response ended, from the first: a JSON array of chat
// messages each.
using ConversationLookup = std::function<Result<std::vector<std::string>>(std::string_view id)>;

struct ResponseRequest {
  std::string chat_body;    // for read_chat_request
  std::string input_items;  // JSON array
  std::string turn;         // the chat messages of this turn's input, without brackets
  bool stream = false, store = true, background = false;
  bool wants_logprobs = false;
  std::optional<std::string> previous_id;
  // Members that the response object repeats: name and JSON.
  std::vector<std::pair<std::string, std::string>> echoed;
  std::vector<std::string> ignored_fields;
};

// `suffix` makes the ids of the input's items. Errors go to `error`.
std::optional<ResponseRequest> read_response_request(std::string_view body, std::string_view suffix,
                                                     const ConversationLookup& lookup,
                                                     FirstError& error);

}  // namespace trivet

#endif  // TRIVET_API_RESPONSES_RESPONSE_REQUEST_H_
