// Parsing of POST /v1/chat/completions.
#include <algorithm>

#include "api/openai/chat_call.h"
#include "api/openai/chat_prompt.h"
#include "api/openai/prompt_limits.h"

namespace trivet {
namespace {

using simdjson::dom::element;
using simdjson::dom::object;

// The names of the tools; each must be a function.
std::vector<std::string> tool_names(Fields& fields) {
  std::vector<std::string> names;
  const auto tools = fields.read_array("tools");
  if (!tools) return names;
  for (const element item : *tools) {
    object tool, function;
    std::string_view type = "function", name;
    const bool is_object = !item.get(tool);
    const bool bad_type = is_object && !tool.at_key("type").error() && tool.at_key("type").get(type);
    if (!is_object || bad_type || type != "function" || tool.at_key("function").get(function) ||
        function.at_key("name").get(name) || name.empty()) {
      fields.error().bad_request(
          "`tools` must hold objects {\"type\": \"function\", \"function\": {\"name\": ...}}.",
          "tools");
      return names;
    }
    names.emplace_back(name);
  }
  return names;
}

void refuse_forced_tool(Fields& fields, element choice, const std::vector<std::string>& names) {
  object named, function;
  std::string_view name;
  if (choice.get(named) || named.at_key("function").get(function) ||
      function.at_key("name").get(name)) {
    return fields.error().bad_request(
        "`tool_choice` must be \"none\", \"auto\", \"required\" or {\"type\": \"function\", "
        "\"function\": {\"name\": ...}}.",
        "tool_choice");
  }
  if (std::find(names.begin(), names.end(), name) == names.end()) {
    return fields.error().bad_request(
        "`tool_choice` names the tool \"" + std::string(name) + "\", which is not in `tools`.",
        "tool_choice");
  }
  fields.error().not_implemented(
      "`tool_choice` with a named function is not supported yet; use "
      "\"auto\" or \"none\".",
      "tool_choice");
}

// "none" and "auto" leave it to the model; forcing a call needs constrained decoding.
void check_tool_choice(Fields& fields) {
  const std::vector<std::string> names = tool_names(fields);
  bool parallel_tool_calls = true;
  fields.read("parallel_tool_calls", parallel_tool_calls);
  const auto choice = fields.find("tool_choice");
  if (!choice) return;
  const std::string_view text = choice->is_string() ? choice->get_string().value_unsafe() : "";
  if (text == "none") return;
  if (names.empty()) {
    return fields.error().bad_request("`tool_choice` needs `tools`.", "tool_choice");
  }
  if (text == "auto") return;
  if (text == "required") {
    return fields.error().not_implemented(
        "`tool_choice`: \"required\" is not supported yet; use \"auto\" or \"none\".",
        "tool_choice");
  }
  refuse_forced_tool(fields, *choice, names);
}

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

LengthRequest read_length(Fields& fields, const CommonRequest& common) {
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

void read_prompt(Fields& fields, const ServedModel& model, ChatRequest& request) {
  ChatPrompt prompt = read_chat_prompt(fields, model);
  request.prompt = std::move(prompt.tokens);
  if (!prompt.add_generation_prompt) request.role = prompt.last_role;
  if (request.common.echo && prompt.last_role == request.role) {
    request.echoed = std::move(prompt.last_text);
  }
}

}  // namespace

ParsedCall parse_chat_completion(std::string_view body, const ServedModel& model,
                                 const CallContext& context) {
  ParsedCall parsed;
  FirstError error;
  JsonDocument document;
  const auto body_object = document.parse_object(body, error);
  if (!body_object) return {nullptr, error.take()};
  Fields fields(*body_object, error);
  ChatRequest request;
  request.common = read_common(fields, model);
  read_logprobs(fields, request);
  const LengthRequest length = read_length(fields, request.common);
  check_tool_choice(fields);
  if (!error) check_model(fields, model);
  if (!error) read_prompt(fields, model, request);
  if (!error) request.common.params.max_tokens = fit_prompt(request.prompt, length, model, error);
  if (!error) check_params(request.common.params, model, error);
  if (error) return {nullptr, error.take()};
  parsed.call = std::make_unique<ChatCall>(std::move(request), model, context);
  parsed.ignored_fields = fields.unread();
  return parsed;
}

}  // namespace trivet
