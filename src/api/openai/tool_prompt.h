// Tools for models whose chat template knows nothing of them: written into the messages, in the
// words of the generic dialect.
#ifndef TRIVET_API_OPENAI_TOOL_PROMPT_H_
#define TRIVET_API_OPENAI_TOOL_PROMPT_H_

#include <string>
#include <string_view>

namespace trivet {

// Whether the template shows tools to the model by itself.
bool template_shows_tools(std::string_view template_source);

// `messages_json` as read_messages() gives it. The tools and how to call them go into the system
// message, earlier calls into the text of their messages, results of tools into user messages.
// `tools_json`: an array; empty = none, then only the messages are rewritten.
std::string messages_with_tools(std::string_view messages_json, std::string_view tools_json,
                                bool must_call);

}  // namespace trivet

#endif  // TRIVET_API_OPENAI_TOOL_PROMPT_H_
