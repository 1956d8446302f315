// Bodies and objects of the Conversations API.
#ifndef TRIVET_API_CONVERSATIONS_CONVERSATION_JSON_H_
#define TRIVET_API_CONVERSATIONS_CONVERSATION_JSON_H_

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "api/responses/response_history.h"
#include "state/conversation_store.h"

namespace trivet {

class FirstError;

// {"items", "metadata"}, both optional; no body at all is the same as an empty object.
struct ConversationBody {
  std::vector<ConversationItem> items;
  std::optional<std::string> metadata;  // JSON object
};

// At most 20 items, as in the original. Ids of items without one are made from `suffix`. Nothing:
// the body is wrong, and `error` says why.
std::optional<ConversationBody> read_conversation_body(std::string_view body,
                                                       std::string_view suffix,
                                                       ResponseHistory& history, FirstError& error);

std::string conversation_json(const ConversationRecord& conversation);

// "[...]" of the items.
std::string item_array(std::span<const std::string> items);

// Those of a JSON array, as a conversation keeps them.
std::vector<ConversationItem> conversation_items(std::string_view array);

}  // namespace trivet

#endif  // TRIVET_API_CONVERSATIONS_CONVERSATION_JSON_H_
