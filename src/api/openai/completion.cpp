// Parsing of POST /v1/completions.
#include <algorithm>

#include "api/openai/completion_call.h"
#include "api/openai/prompt_limits.h"

namespace trivet {
namespace {

using simdjson::dom::element;

constexpr size_t kMaxPrompts = 2048;
constexpr int kDefaultMaxTokens = 16;  // OpenAI's

// The prompts of the body, not yet encoded.
class PromptReader {
 public:
  PromptReader(Fields& fields, const ServedModel& model, const CommonRequest& common)
      : fields_(fields), tokenizer_(*model.tokenizer), common_(common) {
    fields_.read("add_special_tokens", add_special_tokens_);
  }

  std::vector<CompletionPrompt> read() {
    const auto prompt = fields_.find("prompt");
    if (!prompt) {
      fields_.error().bad_request("`prompt` is missing.", "prompt");
    } else if (prompt->is_string()) {
      add_text(*prompt);
    } else if (prompt->is_array()) {
      read_array(prompt->get_array().value_unsafe());
    } else {
      wrong(*prompt);
    }
    return std::move(prompts_);
  }

 private:
  void wrong(element got) {
    fields_.wrong_type("prompt",
                       "a string, an array of strings, an array of token ids, or an array of those",
                       got);
  }

  void read_array(simdjson::dom::array items) {
    if (items.size() == 0) {
      return fields_.error().bad_request("`prompt` must not be an empty array.", "prompt");
    }
    if (items.at(0).value_unsafe().is_number()) return add_tokens(items);
    if (items.size() > kMaxPrompts) {
      return fields_.error().bad_request("`prompt` has " + std::to_string(items.size()) +
                                             " prompts; at most " + std::to_string(kMaxPrompts) +
                                             " go into one request.",
                                         "prompt");
    }
    for (const element item : items) {
      if (fields_.error()) return;
      if (item.is_string()) {
        add_text(item);
      } else if (item.is_array()) {
        add_tokens(item.get_array().value_unsafe());
      } else {
        wrong(item);
      }
    }
  }

  void add_text(element item) {
    const std::string_view text = item.get_string().value_unsafe();
    auto tokens = tokenizer_.encode(text, {add_special_tokens_, true});
    if (!tokens) return fields_.error().add(to_api_error(tokens.error()));
    prompts_.push_back({std::move(*tokens), common_.echo ? std::string(text) : std::string(), {}});
  }

  void add_tokens(simdjson::dom::array items) {
    CompletionPrompt prompt;
    for (const element item : items) {
      const auto token = as_int(item);
      if (!token) return wrong(item);
      prompt.tokens.push_back(*token);
    }
    prompts_.push_back(std::move(prompt));
  }

  Fields& fields_;
  const Tokenizer& tokenizer_;
  const CommonRequest& common_;
  bool add_special_tokens_ = true;
  std::vector<CompletionPrompt> prompts_;
};

void read_logprobs(Fields& fields, CompletionRequest& request) {
  fields.read("n_probs", request.logprobs);  // llama.cpp's name
  fields.read("logprobs", request.logprobs);
  request.prompt_logprobs = request.common.params.prompt_logprobs;
  request.common.params.logprobs = request.logprobs;
  if (!request.logprobs || !request.common.echo) return;
  auto& for_prompt = request.common.params.prompt_logprobs;
  const bool all = *request.logprobs == kAllLogprobs || for_prompt == kAllLogprobs;
  for_prompt = all ? kAllLogprobs : std::max(*request.logprobs, for_prompt.value_or(0));
}

LengthRequest read_completion_length(Fields& fields, const CommonRequest& common) {
  LengthRequest length;
  length.param = "prompt";
  length.truncate_prompt_tokens = common.truncate_prompt_tokens;
  length.default_tokens = kDefaultMaxTokens;
  int predict = -1;
  fields.read("n_predict", predict);  // llama.cpp's name; negative = no limit
  if (predict >= 0) length.max_tokens = predict;
  fields.read("max_tokens", length.max_tokens);
  if (length.max_tokens && *length.max_tokens < (common.echo ? 0 : 1)) {
    fields.error().bad_request("max_tokens must be at least 1 (0 with `echo`), got " +
                                   std::to_string(*length.max_tokens) + ".",
                               "max_tokens");
  }
  return length;
}

void refuse_completion_only(Fields& fields, const GenerationParams& params) {
  std::string suffix;
  fields.read("suffix", suffix);
  if (!suffix.empty()) {
    fields.error().bad_request("`suffix` is not supported; leave it out.", "suffix");
  }
  if (fields.has("thinking_token_budget")) {
    fields.error().bad_request("`thinking_token_budget` is for chats; leave it out.",
                               "thinking_token_budget");
  }
  int best_of = params.n;
  fields.read("best_of", best_of);
  if (best_of != params.n) {
    fields.error().not_implemented("`best_of` other than `n` is not supported; leave it out.",
                                   "best_of");
  }
}

// Cuts and checks the prompts, and gives each its parameters.
void finish_prompts(CompletionRequest& request, const LengthRequest& length,
                    const ServedModel& model, FirstError& error) {
  for (CompletionPrompt& prompt : request.prompts) {
    prompt.params = request.common.params;
    prompt.params.max_tokens = fit_prompt(prompt.tokens, length, model, error);
    if (error) return;
    check_params(prompt.params, model, error);
    if (error) return;
    if (!request.common.echo || !prompt.text.empty()) continue;
    auto text = model.tokenizer->decode(prompt.tokens, false);
    if (!text) return error.add(to_api_error(text.error()));
    prompt.text = std::move(*text);
  }
}

}  // namespace

ParsedCall parse_completion(std::string_view body, const ServedModel& model,
                            const CallContext& context) {
  ParsedCall parsed;
  FirstError error;
  JsonDocument document;
  const auto object = document.parse_object(body, error);
  if (!object) return {nullptr, error.take()};
  Fields fields(*object, error);
  CompletionRequest request;
  request.common = read_common(fields, model);
  read_logprobs(fields, request);
  const LengthRequest length = read_completion_length(fields, request.common);
  refuse_completion_only(fields, request.common.params);
  if (!error) check_model(fields, model);
  if (!error && request.common.output_format) {
    request.common.params.grammar = compile_format(*request.common.output_format, model, error);
  }
  if (!error) request.prompts = PromptReader(fields, model, request.common).read();
  if (!error) finish_prompts(request, length, model, error);
  if (error) return {nullptr, error.take()};
  parsed.call = std::make_unique<CompletionCall>(std::move(request), model, context);
  parsed.ignored_fields = fields.unread();
  return parsed;
}

}  // namespace trivet
