// From the fields of a chat request to the tokens of its prompt; for chat completions and
// /tokenize.
#ifndef TRIVET_API_OPENAI_CHAT_PROMPT_H_
#define TRIVET_API_OPENAI_CHAT_PROMPT_H_

#include <string>
#include <vector>

#include "api/json_fields.h"

namespace trivet {

// How a chat is shown to the model.
struct PromptRules {
  bool show_tools = true;
  bool must_call = false;  // said where the template does not know tools
};

struct ChatPrompt {
  std::string text;  // as rendered
  std::vector<TokenId> tokens;
  std::string last_role, last_text;  // of the last message
  bool add_generation_prompt = true;
};

// Errors, those of the template among them, go to the fields' error.
ChatPrompt read_chat_prompt(Fields& fields, const ServedModel& model,
                            const PromptRules& rules = {});

}  // namespace trivet

#endif  // TRIVET_API_OPENAI_CHAT_PROMPT_H_
