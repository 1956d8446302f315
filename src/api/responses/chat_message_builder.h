// Items of the Responses API, made into chat messages.
#ifndef TRIVET_API_RESPONSES_CHAT_MESSAGE_BUILDER_H_
#define TRIVET_API_RESPONSES_CHAT_MESSAGE_BUILDER_H_

#include <string>
#include <string_view>

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

}  // namespace trivet

#endif  // TRIVET_API_RESPONSES_CHAT_MESSAGE_BUILDER_H_
