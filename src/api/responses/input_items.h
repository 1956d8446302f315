// Input and output items of the Responses API, made into chat messages.
#ifndef TRIVET_API_RESPONSES_INPUT_ITEMS_H_
#define TRIVET_API_RESPONSES_INPUT_ITEMS_H_

#include <string>
#include <string_view>
#include <vector>

#include "api/json_fields.h"
#include "api/responses/chat_message_builder.h"
#include "api/responses/response_history.h"

namespace trivet {

struct InputItems {
  std::string items;     // JSON array, each with an id and a status: what /input_items lists
  std::string messages;  // as of ChatMessageBuilder::take()
  std::vector<std::string> ignored;  // "input[3].web_search_call"
};

// Reads the field "input": a text or an array of items. Ids are made from `suffix`; references are
// looked up.
InputItems read_input(Fields& fields, std::string_view suffix, ResponseHistory& history);
// Reads the array of items that is the field.
InputItems read_item_list(Fields& fields, const std::string& name, std::string_view suffix,
                          ResponseHistory& history);

// Items as read_input() or a response wrote them, as messages: ChatMessageBuilder::take().
std::string messages_of_items(const std::vector<std::string>& items, FirstError& error);

// The objects of a JSON array of items, and their ids.
struct SplitItem {
  std::string id, json;
};
std::vector<SplitItem> split_items(std::string_view array);

}  // namespace trivet

#endif  // TRIVET_API_RESPONSES_INPUT_ITEMS_H_
