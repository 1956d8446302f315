// The grammar of a chat answer: calls that must or may come, content of a form, reasoning before
// both, and a bound on the reasoning.
#ifndef TRIVET_API_OPENAI_ANSWER_RULES_H_
#define TRIVET_API_OPENAI_ANSWER_RULES_H_

#include <string_view>

#include "api/json_fields.h"
#include "api/openai/chat_request.h"

namespace trivet {

struct AnswerWishes {
  bool must_call = false;
  std::optional<int> thinking_budget;  // tokens
};

// Reads "thinking_token_budget" and "max_thinking_tokens".
std::optional<int> read_thinking_budget(Fields& fields);

// Sets the grammar in the request's parameters, if there is something to rule. `prompt`: its text.
// Schemas of tools that cannot be compiled are errors if the tool is strict; else the arguments of
// that tool are any object.
void rule_answer(ChatRequest& request, const AnswerWishes& wishes, std::string_view prompt,
                 const ServedModel& model, FirstError& error);

}  // namespace trivet

#endif  // TRIVET_API_OPENAI_ANSWER_RULES_H_
