// Whether a prompt and its answer fit the model.
#ifndef TRIVET_API_OPENAI_PROMPT_LIMITS_H_
#define TRIVET_API_OPENAI_PROMPT_LIMITS_H_

#include <optional>
#include <vector>

#include "api/json_fields.h"

namespace trivet {

struct LengthRequest {
  std::optional<int> max_tokens;      // as the client asked
  std::optional<int> default_tokens;  // if it did not; cut to what fits
  std::optional<int> truncate_prompt_tokens;
  std::string param;  // the field that holds the prompt
};

// Cuts the prompt if asked to, checks it, and returns max_tokens for the engine (absent = what
// fits). Reports a prompt that is empty, too long, or out of the vocabulary.
std::optional<int> fit_prompt(std::vector<TokenId>& prompt, const LengthRequest& request,
                              const ServedModel& model, FirstError& error);

}  // namespace trivet

#endif  // TRIVET_API_OPENAI_PROMPT_LIMITS_H_
