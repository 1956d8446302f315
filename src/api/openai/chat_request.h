// A chat body in OpenAI's form, read. Other wire formats write such a body and read it here, so
// that every chat means the same.
#ifndef TRIVET_API_OPENAI_CHAT_REQUEST_H_
#define TRIVET_API_OPENAI_CHAT_REQUEST_H_

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/json_fields.h"
#include "api/openai/request_fields.h"
#include "dialects/message_format.h"

namespace trivet {

struct ChatRequest {
  CommonRequest common;
  bool logprobs = false;
  int top_logprobs = 0;
  std::string role = "assistant";  // of the answer
  std::string echoed;  // text of the last message, where the answer continues it visibly
  std::vector<TokenId> prompt;
  std::shared_ptr<const MessageFormat> format;  // how the answer is taken apart; never null
};

// The whole of an OpenAI chat body: fields, tools, reasoning, prompt, limits. Errors go to `error`;
// names of fields without a meaning to `ignored_fields`.
std::optional<ChatRequest> read_chat_request(std::string_view body, const ServedModel& model,
                                             FirstError& error,
                                             std::vector<std::string>& ignored_fields);

}  // namespace trivet

#endif  // TRIVET_API_OPENAI_CHAT_REQUEST_H_
