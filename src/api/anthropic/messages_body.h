// From the body of the Anthropic API to that of an OpenAI chat, which means the same.
#ifndef TRIVET_API_ANTHROPIC_MESSAGES_BODY_H_
#define TRIVET_API_ANTHROPIC_MESSAGES_BODY_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/json_fields.h"

namespace trivet {

struct MessagesBody {
  std::string chat;                  // OpenAI's form, without a limit of tokens
  std::optional<int> max_tokens;     // always there, except for counting
  std::vector<std::string> ignored;  // fields, and tools that only Anthropic's servers have
};

// `for_counting`: max_tokens may be absent.
std::optional<MessagesBody> read_messages_body(std::string_view body, bool for_counting,
                                               FirstError& error);

// Writes the members "messages" of the chat. `fields` are those of the Anthropic body.
void write_chat_messages(Fields& fields, JsonWriter& writer);

}  // namespace trivet

#endif  // TRIVET_API_ANTHROPIC_MESSAGES_BODY_H_
