// Parsing of POST /v1/chat/completions.
#include "api/openai/chat_call.h"
#include "api/openai/chat_request.h"

namespace trivet {

ParsedCall parse_chat_completion(std::string_view body, const ServedModel& model,
                                 const CallContext& context) {
  ParsedCall parsed;
  FirstError error;
  auto request = read_chat_request(body, model, error, parsed.ignored_fields);
  if (!request) return {nullptr, error.take()};
  parsed.call = std::make_unique<ChatCall>(*std::move(request), model, context);
  return parsed;
}

}  // namespace trivet
