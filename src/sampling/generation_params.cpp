#include "sampling/generation_params.h"

#include <cmath>

namespace trivet {
namespace {

constexpr size_t kMaxStopBytes = 4096;  // each step compares the end of the text with them

std::string text_of(double value) {
  std::string text = std::to_string(value);
  return std::isfinite(value) ? text.erase(text.find_last_not_of('0') + 1) : text;
}
std::string text_of(int value) { return std::to_string(value); }

template <class Number>
Error out_of_range(std::string_view name, Number value, std::string_view range) {
  return Error(ErrorCode::kInvalidArgument, std::string(name) + " must be " + std::string(range) +
                                                ", got " + text_of(value) + ".");
}

Result<void> check_interval(std::string_view name, float value, float low, float high,
                            std::string_view range) {
  if (value >= low && value <= high) return {};
  return out_of_range(name, double{value}, range);
}

Result<void> check_distribution(const GenerationParams& p) {
  constexpr float kBig = 1e30f;
  constexpr float kTiny = 1e-30f;
  TRIVET_RETURN_IF_ERROR(
      check_interval("temperature", p.temperature, 0, kBig, "a non-negative number"));
  if (p.top_k < -1) return out_of_range("top_k", p.top_k, "-1 or 0 (off), or at least 1");
  TRIVET_RETURN_IF_ERROR(check_interval("top_p", p.top_p, kTiny, 1, "in (0, 1]"));
  TRIVET_RETURN_IF_ERROR(check_interval("typical_p", p.typical_p, kTiny, 1, "in (0, 1]"));
  TRIVET_RETURN_IF_ERROR(check_interval("min_p", p.min_p, 0, 1, "in [0, 1]"));
  TRIVET_RETURN_IF_ERROR(
      check_interval("presence_penalty", p.presence_penalty, -2, 2, "in [-2, 2]"));
  TRIVET_RETURN_IF_ERROR(
      check_interval("frequency_penalty", p.frequency_penalty, -2, 2, "in [-2, 2]"));
  return check_interval("repetition_penalty", p.repetition_penalty, kTiny, kBig, "greater than 0");
}

Result<void> check_token(std::string_view name, TokenId token, int vocab_size) {
  if (token >= 0 && token < vocab_size) return {};
  return Error(ErrorCode::kInvalidArgument, std::string(name) + " holds token id " +
                                                std::to_string(token) +
                                                ", which is outside the vocabulary of " +
                                                std::to_string(vocab_size) + " tokens.");
}

Result<void> check_tokens(std::string_view name, const std::vector<TokenId>& tokens,
                          int vocab_size) {
  for (const TokenId token : tokens) {
    TRIVET_RETURN_IF_ERROR(check_token(name, token, vocab_size));
  }
  return {};
}

Result<void> check_token_lists(const GenerationParams& p, int vocab_size) {
  for (const auto& [token, bias] : p.logit_bias) {
    TRIVET_RETURN_IF_ERROR(check_token("logit_bias", token, vocab_size));
    TRIVET_RETURN_IF_ERROR(check_interval("logit_bias", bias, -100, 100, "in [-100, 100]"));
  }
  TRIVET_RETURN_IF_ERROR(check_tokens("allowed_token_ids", p.allowed_tokens, vocab_size));
  TRIVET_RETURN_IF_ERROR(check_tokens("banned_tokens", p.banned_tokens, vocab_size));
  TRIVET_RETURN_IF_ERROR(check_tokens("stop_token_ids", p.stop_tokens, vocab_size));
  for (const auto& word : p.bad_words) {
    if (word.empty()) {
      return Error(ErrorCode::kInvalidArgument, "bad_words must not hold an empty string.");
    }
    TRIVET_RETURN_IF_ERROR(check_tokens("bad_words", word, vocab_size));
  }
  return {};
}

Result<void> check_length(const GenerationParams& p, const GenerationLimits& limits) {
  if (p.max_tokens && *p.max_tokens < 0) {
    return out_of_range("max_tokens", *p.max_tokens, "at least 0");
  }
  if (p.min_tokens < 0) return out_of_range("min_tokens", p.min_tokens, "at least 0");
  if (p.max_tokens && p.min_tokens > *p.max_tokens) {
    return out_of_range("min_tokens", p.min_tokens,
                        "at most max_tokens (" + std::to_string(*p.max_tokens) + ")");
  }
  if (p.stop.size() > static_cast<size_t>(limits.max_stop_strings)) {
    return out_of_range("The number of stop strings", static_cast<int>(p.stop.size()),
                        "at most " + std::to_string(limits.max_stop_strings));
  }
  for (const std::string& stop : p.stop) {
    if (stop.empty()) {
      return Error(ErrorCode::kInvalidArgument, "stop must not hold an empty string.");
    }
    if (stop.size() > kMaxStopBytes) {
      return out_of_range("The length of a stop string", static_cast<int>(stop.size()),
                          "at most " + std::to_string(kMaxStopBytes) + " bytes");
    }
  }
  return {};
}

Result<void> check_logprobs(std::string_view name, const std::optional<int>& count, int max) {
  if (!count || max == kAllLogprobs) {
    if (!count || *count >= kAllLogprobs) return {};
    return out_of_range(name, *count, "at least 0, or -1 for the whole vocabulary");
  }
  if (*count >= 0 && *count <= max) return {};
  return out_of_range(name, *count, "from 0 to " + std::to_string(max));
}

}  // namespace

Result<void> validate(const GenerationParams& params, const GenerationLimits& limits) {
  if (params.n < 1 || params.n > limits.max_n) {
    return out_of_range("n", params.n, "from 1 to " + std::to_string(limits.max_n));
  }
  TRIVET_RETURN_IF_ERROR(check_distribution(params));
  TRIVET_RETURN_IF_ERROR(check_token_lists(params, limits.vocab_size));
  TRIVET_RETURN_IF_ERROR(check_length(params, limits));
  TRIVET_RETURN_IF_ERROR(check_logprobs("logprobs", params.logprobs, limits.max_logprobs));
  return check_logprobs("prompt_logprobs", params.prompt_logprobs, limits.max_logprobs);
}

}  // namespace trivet
