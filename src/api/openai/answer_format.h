// How the answer to a chat request is read: dialect, reasoning, tools, and what the parameters of
// generation need for it.
#ifndef TRIVET_API_OPENAI_ANSWER_FORMAT_H_
#define TRIVET_API_OPENAI_ANSWER_FORMAT_H_

#include <memory>
#include <string_view>

#include "api/json_fields.h"
#include "api/openai/tool_choice.h"
#include "dialects/message_format.h"

namespace trivet {

// `prompt`: the text of the prompt. Reads "include_reasoning" and "reasoning_format". Marks that
// are control tokens are kept in the text, and tokens that end a call end the answer.
std::shared_ptr<const MessageFormat> read_answer_format(Fields& fields, const ServedModel& model,
                                                        std::string_view prompt, ToolUse use,
                                                        GenerationParams& params);

}  // namespace trivet

#endif  // TRIVET_API_OPENAI_ANSWER_FORMAT_H_
