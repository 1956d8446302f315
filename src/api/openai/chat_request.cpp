#include "api/openai/chat_request.h"

#include "api/openai/answer_format.h"
#include "api/openai/answer_rules.h"
#include "api/openai/chat_prompt.h"
#include "api/openai/prompt_limits.h"
#include "api/openai/tool_choice.h"

namespace trivet {
namespace {

void read_logprobs(Fields& fields, ChatRequest& request) {
  fields.read("logprobs", request.logprobs);
  std::optional<int> top;
  fields.read("top_logprobs", top);
  if (top && *top < -1) {
    fields.error().bad_request(
        "`top_logprobs` must be at least 0, or -1 for the whole vocabulary, got " +
            std::to_string(*top) + ".",
        "top_logprobs");
  }
  if (top && *top != 0 && !request.logprobs) {
    fields.error().bad_request("`top_logprobs` needs `logprobs`: true.", "top_logprobs");
  }
  request.top_logprobs = top.value_or(0);
  if (request.logprobs) request.common.params.logprobs = request.top_logprobs;
}

LengthRequest read_chat_length(Fields& fields, const CommonRequest& common) {
  LengthRequest length;
  length.param = "messages";
  length.truncate_prompt_tokens = common.truncate_prompt_tokens;
  fields.read("max_tokens", length.max_tokens);
  fields.read("max_completion_tokens", length.max_tokens);  // wins
  if (length.max_tokens && *length.max_tokens < 1) {
    fields.error().bad_request(
        "max_tokens must be at least 1, got " + std::to_string(*length.max_tokens) + ".",
        "max_tokens");
  }
  return length;
}

void read_prompt(Fields& fields, const ServedModel& model, ToolUse use, ChatRequest& request) {
  const PromptRules rules{.show_tools = !use.tools.empty(), .must_call = use.must_call};
  const AnswerWishes wishes{.must_call = use.must_call,
                            .thinking_budget = read_thinking_budget(fields)};
  ChatPrompt prompt = read_chat_prompt(fields, model, rules);
  request.format =
      read_answer_format(fields, model, prompt.text, std::move(use), request.common.params);
  if (!fields.error()) rule_answer(request, wishes, prompt.text, model, fields.error());
  request.prompt = std::move(prompt.tokens);
  if (!prompt.add_generation_prompt) request.role = prompt.last_role;
  if (request.common.echo && prompt.last_role == request.role) {
    request.echoed = std::move(prompt.last_text);
  }
}

}  // namespace

std::optional<ChatRequest> read_chat_request(std::string_view body, const ServedModel& model,
                                             FirstError& error,
                                             std::vector<std::string>& ignored_fields) {
  JsonDocument document;
  const auto body_object = document.parse_object(body, error);
  if (!body_object) return std::nullopt;
  Fields fields(*body_object, error);
  ChatRequest request;
  request.common = read_common(fields, model);
  read_logprobs(fields, request);
  const LengthRequest length = read_chat_length(fields, request.common);
  ToolUse use = read_tool_use(fields);
  if (!error) check_model(fields, model);
  if (!error) read_prompt(fields, model, std::move(use), request);
  if (!error) request.common.params.max_tokens = fit_prompt(request.prompt, length, model, error);
  if (!error) check_params(request.common.params, model, error);
  if (error) return std::nullopt;
  ignored_fields = fields.unread();
  return request;
}

}  // namespace trivet
