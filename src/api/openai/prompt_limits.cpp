#include "api/openai/prompt_limits.h"

#include <algorithm>

namespace trivet {
namespace {

void truncate(std::vector<TokenId>& prompt, const LengthRequest& request, const ServedModel& model,
              FirstError& error) {
  if (!request.truncate_prompt_tokens) return;
  const int64_t asked = *request.truncate_prompt_tokens;
  if (asked > model.max_model_len) {
    error.bad_request("`truncate_prompt_tokens` is " + std::to_string(asked) +
                          ", but the model's maximum context length is " +
                          std::to_string(model.max_model_len) + " tokens.",
                      "truncate_prompt_tokens");
    return;
  }
  const int64_t room = int64_t{model.max_model_len} - request.max_tokens.value_or(1);
  const auto keep = static_cast<size_t>(std::max<int64_t>(asked == -1 ? room : asked, 0));
  if (prompt.size() > keep) prompt.erase(prompt.begin(), prompt.end() - static_cast<long>(keep));
}

void check_tokens(const std::vector<TokenId>& prompt, const LengthRequest& request,
                  const ServedModel& model, FirstError& error) {
  if (prompt.empty()) {
    error.bad_request("The prompt is empty: it must have at least one token.", request.param);
  }
  for (const TokenId token : prompt) {
    if (token >= 0 && token < model.limits.vocab_size) continue;
    error.bad_request("Token id " + std::to_string(token) + " is out of the vocabulary of " +
                          std::to_string(model.limits.vocab_size) + " tokens.",
                      request.param);
    return;
  }
}

}  // namespace

std::optional<int> fit_prompt(std::vector<TokenId>& prompt, const LengthRequest& request,
                              const ServedModel& model, FirstError& error) {
  truncate(prompt, request, model, error);
  check_tokens(prompt, request, model, error);
  const auto length = static_cast<int64_t>(prompt.size());
  const int64_t room = model.max_model_len - length;
  const std::string limit =
      "This model's maximum context length is " + std::to_string(model.max_model_len) + " tokens";
  const bool wants_answer = request.max_tokens.value_or(1) > 0;
  if (room < (wants_answer ? 1 : 0)) {
    error.bad_request(limit + ". However, your request has " + std::to_string(length) +
                          " input tokens. Please reduce the length of the input" +
                          (wants_answer ? ", which must leave room for the answer." : "."),
                      request.param);
    return std::nullopt;
  }
  if (request.max_tokens && *request.max_tokens > room) {
    error.bad_request("max_tokens is too large: " + std::to_string(*request.max_tokens) + ". " +
                          limit + " and your request has " + std::to_string(length) +
                          " input tokens (" + std::to_string(*request.max_tokens) + " > " +
                          std::to_string(model.max_model_len) + " - " + std::to_string(length) +
                          ").",
                      "max_tokens");
    return std::nullopt;
  }
  if (request.max_tokens) return request.max_tokens;
  if (!request.default_tokens) return std::nullopt;
  return static_cast<int>(std::min<int64_t>(*request.default_tokens, room));
}

}  // namespace trivet
