// The Anthropic API: POST /v1/messages and /v1/messages/count_tokens.
#ifndef TRIVET_API_ANTHROPIC_MESSAGES_API_H_
#define TRIVET_API_ANTHROPIC_MESSAGES_API_H_

#include "api/call.h"

namespace trivet {

ParsedCall parse_messages(std::string_view body, const ServedModel& model,
                          const CallContext& context);
PlainAnswer answer_count_tokens(std::string_view body, const ServedModel& model);

// {"type": "error", "error": {"type", "message"}}
std::string encode_anthropic_error(const ApiError& error);

}  // namespace trivet

#endif  // TRIVET_API_ANTHROPIC_MESSAGES_API_H_
