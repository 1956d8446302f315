#include "api/anthropic/messages_api.h"

#include "api/anthropic/message_call.h"
#include "api/anthropic/messages_body.h"
#include "api/openai/chat_prompt.h"

namespace trivet {
namespace {

std::string_view anthropic_error_type(int status) {
  switch (status) {
    case 401:
      return "authentication_error";
    case 403:
      return "permission_error";
    case 404:
      return "not_found_error";
    case 413:
      return "request_too_large";
    case 429:
      return "rate_limit_error";
    case 503:
      return "overloaded_error";
    case 504:
      return "timeout_error";
    default:
      return status < 500 ? "invalid_request_error" : "api_error";
  }
}

}  // namespace

std::string encode_anthropic_error(const ApiError& error) {
  std::string out;
  JsonWriter writer(out);
  writer.begin_object().key("type").string("error").key("error").begin_object();
  writer.key("type").string(anthropic_error_type(error.http_status));
  writer.key("message").string(error.message).end_object().end_object();
  return out;
}

ParsedCall parse_messages(std::string_view body, const ServedModel& model,
                          const CallContext& context) {
  ParsedCall parsed;
  FirstError error;
  auto messages = read_messages_body(body, false, error);
  if (!messages) return {nullptr, error.take()};
  auto request = read_chat_request(messages->chat, model, error, parsed.ignored_fields);
  if (!request) return {nullptr, error.take()};
  // Agents ask for more than any local model can give: what fits is enough.
  request->common.params.max_tokens =
      fitting_tokens(messages->max_tokens, request->prompt.size(), model);
  parsed.call = std::make_unique<MessageCall>(*std::move(request), model, context);
  parsed.ignored_fields = std::move(messages->ignored);
  return parsed;
}

PlainAnswer answer_count_tokens(std::string_view body, const ServedModel& model) {
  FirstError error;
  const auto messages = read_messages_body(body, true, error);
  if (!messages) return {{}, error.take()};
  JsonDocument document;
  const auto object = document.parse_object(messages->chat, error);
  if (!object) return {{}, error.take()};
  Fields fields(*object, error);
  check_model(fields, model);
  if (error) return {{}, error.take()};
  const ChatPrompt prompt = read_chat_prompt(fields, model);
  if (error) return {{}, error.take()};
  PlainAnswer answer;
  JsonWriter writer(answer.body);
  writer.begin_object().key("input_tokens").integer(static_cast<int64_t>(prompt.tokens.size()));
  writer.end_object();
  return answer;
}

}  // namespace trivet
