// Input and output items of the Responses API, made into chat messages.
#ifndef TRIVET_API_RESPONSES_INPUT_ITEMS_H_
#define TRIVET_API_RESPONSES_INPUT_ITEMS_H_

#include <string>
#include <string_view>
#include <vector>

#include "api/json_fields.h"

namespace trivet {

// Builds the messages of a chat from items: the calls, the reasoning and the text of one answer are
// one message there, but several items here.
class ChatMessageBuilder {
 public:
  void add_message(std::string_view role, std::string_view text);
  void add_reasoning(std::string_view text);
  void add_call(std::string_view call_id, std::string_view name, std::string_view arguments);
  void add_call_output(std::string_view call_id, std::string_view output);
  // The messages so far: {"role", ...},{...} without the brackets of an array.
  std::string take();

 private:
  void flush();
  void open();
  std::string messages_;
  // The answer that is being put together.
  bool has_answer_ = false, has_text_ = false;
  std::string reasoning_, text_, calls_;
};

struct InputItems {
  std::string items;     // JSON array, each with an id and a status: what /input_items lists
  std::string messages;  // as of ChatMessageBuilder::take()
  std::vector<std::string> ignored;  // "input[3].web_search_call"
};

// Reads the field "input": a text or an array of items. Ids are made from `suffix`.
InputItems read_input(Fields& fields, std::string_view suffix);

}  // namespace trivet

#endif  // TRIVET_API_RESPONSES_INPUT_ITEMS_H_
