// Chat messages to prompt text, with the behaviour of Hugging Face's apply_chat_template.
#ifndef TRIVET_TEXT_CHAT_TEMPLATE_H_
#define TRIVET_TEXT_CHAT_TEMPLATE_H_

#include <ctime>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace trivet {

// What a template is rendered with. All *_json are JSON texts; they are passed on unparsed.
struct ChatInput {
  std::string_view messages_json;        // array of {"role": ..., "content": ...}
  std::string_view tools_json = {};      // array, or empty = none
  std::string_view documents_json = {};  // array, or empty = none
  std::string_view extra_json = {};  // object of further variables (chat_template_kwargs), or empty
  bool add_generation_prompt = true;
  // The last message is the start of the answer: the text ends with it, open.
  bool continue_final_message = false;
  // What strftime_now() shows, in local time; absent = the clock.
  std::optional<std::tm> now = std::nullopt;
};

// Thread-safe once compiled. Templates are hostile input: size, steps and output are bounded, no
// file is ever read. An error raised by the template (raise_exception) comes back as
// kInvalidArgument with its text.
class ChatTemplate {
 public:
  static Result<std::unique_ptr<ChatTemplate>> compile(std::string_view source,
                                                       std::string_view bos_token,
                                                       std::string_view eos_token);
  virtual ~ChatTemplate();
  virtual Result<std::string> render(const ChatInput& input) const = 0;
  virtual const std::string& source() const = 0;
};

}  // namespace trivet

#endif  // TRIVET_TEXT_CHAT_TEMPLATE_H_
