// Parsing of POST /completion and /infill.
#include <algorithm>

#include "api/fim_prompt.h"
#include "api/llama_cpp/llama_cpp_api.h"
#include "api/llama_cpp/native_call.h"
#include "api/openai/prompt_limits.h"
#include "api/openai/request_fields.h"

namespace trivet {
namespace {

using simdjson::dom::array;
using simdjson::dom::element;
using simdjson::dom::object;

constexpr size_t kMaxNativePrompts = 2048;
constexpr int kInfillTokens = 256;  // room that is kept for an answer without a limit

struct Prompts {
  std::vector<std::vector<TokenId>> tokens;
  bool is_array = false;
};

// A string, an array of strings and token ids (one prompt), or an array of prompts.
class NativePromptReader {
 public:
  NativePromptReader(Fields& fields, const Tokenizer& tokenizer)
      : fields_(fields), tokenizer_(tokenizer) {}

  Prompts read() {
    Prompts prompts;
    const auto prompt = fields_.find("prompt");
    if (!prompt) {
      fields_.error().bad_request("`prompt` is missing.", "prompt");
      return prompts;
    }
    array items;
    prompts.is_array = !prompt->get(items) && is_list_of_prompts(items);
    if (!prompts.is_array) {
      prompts.tokens.push_back(tokens_of(*prompt));
      return prompts;
    }
    if (items.size() > kMaxNativePrompts) {
      fields_.error().bad_request("`prompt` has " + std::to_string(items.size()) +
                                      " prompts; at most " + std::to_string(kMaxNativePrompts) +
                                      " go into one request.",
                                  "prompt");
      return prompts;
    }
    for (const element item : items) {
      if (fields_.error()) break;
      prompts.tokens.push_back(tokens_of(item));
    }
    return prompts;
  }

 private:
  static bool is_list_of_prompts(array items) {
    return items.size() > 0 &&
           std::none_of(items.begin(), items.end(), [](element item) { return item.is_number(); });
  }

  std::vector<TokenId> tokens_of(element prompt) {
    std::vector<TokenId> tokens;
    std::string_view text;
    array items;
    object fields;
    if (!prompt.get(text)) {
      append(text, true, tokens);
    } else if (!prompt.get(fields) && !fields.at_key("prompt_string").get(text)) {
      append(text, true, tokens);
    } else if (!prompt.get(items)) {
      append_mixed(items, tokens);
    } else {
      wrong(prompt);
    }
    return tokens;
  }

  void append_mixed(array items, std::vector<TokenId>& tokens) {
    bool first = true;
    for (const element item : items) {
      std::string_view text;
      if (!item.get(text)) {
        append(text, first, tokens);
      } else if (const auto token = as_int(item)) {
        tokens.push_back(*token);
      } else {
        return wrong(item);
      }
      first = false;
    }
  }

  void append(std::string_view text, bool at_start, std::vector<TokenId>& tokens) {
    const auto more = tokenizer_.encode(text, {at_start, true});
    if (!more) return fields_.error().add(to_api_error(more.error()));
    tokens.insert(tokens.end(), more->begin(), more->end());
  }

  void wrong(element got) {
    fields_.wrong_type("prompt",
                       "a string, an array of strings and token ids, or an array of those", got);
  }

  Fields& fields_;
  const Tokenizer& tokenizer_;
};

FimText read_fim_text(Fields& fields) {
  FimText text;
  fields.read("input_prefix", text.prefix);
  fields.read("input_suffix", text.suffix);
  fields.read("prompt", text.start_of_answer);
  for (const char* name : {"input_prefix", "input_suffix"}) {
    if (fields.has(name)) continue;
    fields.error().bad_request("`" + std::string(name) + "` is missing.", name);
  }
  const auto extra = fields.read_array("input_extra");
  if (!extra) return text;
  for (const element item : *extra) {
    object file;
    if (item.get(file)) {
      fields.wrong_type("input_extra", "an array of {\"filename\", \"text\"}", item);
      return text;
    }
    Fields inner(file, fields.error(), "input_extra.");
    FimFile read;
    inner.read("filename", read.name);
    inner.read("text", read.text);
    text.files.push_back(std::move(read));
  }
  return text;
}

Prompts read_infill(Fields& fields, const ServedModel& model, NativeRequest& request) {
  const FimText text = read_fim_text(fields);
  Prompts prompts;
  if (fields.error()) return prompts;
  const auto marks = find_fim_tokens(*model.tokenizer);
  if (!marks) {
    fields.error().not_implemented(
        "Infill is not supported by this model: its vocabulary has no marks for prefix, suffix and "
        "middle; use a code model that was trained for it, such as Qwen2.5-Coder.");
    return prompts;
  }
  auto tokens = fim_prompt(text, *marks, request.max_tokens.value_or(kInfillTokens), model);
  if (!tokens) {
    fields.error().add(to_api_error(tokens.error()));
    return prompts;
  }
  request.params.stop_tokens.insert(request.params.stop_tokens.end(), marks->ends.begin(),
                                    marks->ends.end());
  prompts.tokens.push_back(std::move(*tokens));
  return prompts;
}

std::vector<NativePrompt> fit_prompts(Prompts& prompts, const NativeRequest& request,
                                      const ServedModel& model, FirstError& error) {
  std::vector<NativePrompt> fitted;
  const LengthRequest length{.max_tokens = std::nullopt,
                             .default_tokens = std::nullopt,
                             .truncate_prompt_tokens = std::nullopt,
                             .param = "prompt"};
  for (std::vector<TokenId>& tokens : prompts.tokens) {
    fit_prompt(tokens, length, model, error);
    if (error) break;
    NativePrompt prompt{std::move(tokens), request.params};
    prompt.params.max_tokens = fitting_tokens(request.max_tokens, prompt.tokens.size(), model);
    check_params(prompt.params, model, error);
    fitted.push_back(std::move(prompt));
  }
  return fitted;
}

enum class PromptKind { kCompletion, kInfill };

ParsedCall parse(PromptKind kind, std::string_view body, const ServedModel& model,
                 const CallContext& context) {
  ParsedCall parsed;
  FirstError error;
  JsonDocument document;
  const auto object = document.parse_object(body, error);
  if (!object) return {nullptr, error.take()};
  Fields fields(*object, error);
  check_model(fields, model);
  NativeRequest request = read_native_request(fields, model, parsed.ignored_fields);
  if (error) return {nullptr, error.take()};
  Prompts prompts = kind == PromptKind::kInfill
                        ? read_infill(fields, model, request)
                        : NativePromptReader(fields, *model.tokenizer).read();
  if (error) return {nullptr, error.take()};
  std::vector<NativePrompt> fitted = fit_prompts(prompts, request, model, error);
  if (error) return {nullptr, error.take()};
  parsed.call =
      std::make_unique<NativeCall>(std::move(fitted), prompts.is_array, request, model, context);
  for (std::string& name : fields.unread()) parsed.ignored_fields.push_back(std::move(name));
  return parsed;
}

}  // namespace

ParsedCall parse_native_completion(std::string_view body, const ServedModel& model,
                                   const CallContext& context) {
  return parse(PromptKind::kCompletion, body, model, context);
}

ParsedCall parse_infill(std::string_view body, const ServedModel& model,
                        const CallContext& context) {
  return parse(PromptKind::kInfill, body, model, context);
}

}  // namespace trivet
