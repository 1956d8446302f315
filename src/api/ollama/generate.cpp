// Parsing of POST /api/generate.
#include "api/fim_prompt.h"
#include "api/ollama/ollama_api.h"
#include "api/ollama/ollama_call.h"
#include "api/openai/chat_request.h"
#include "api/openai/prompt_limits.h"
#include "api/timestamp.h"

namespace trivet {
namespace {

PlainAnswer generate_loaded(const OllamaRequest& request, const CallContext& context) {
  PlainAnswer answer;
  JsonWriter writer(answer.body);
  writer.begin_object().key("model").string(request.asked_name);
  writer.key("created_at").string(rfc3339(context.unix_seconds));
  writer.key("response").string("").key("done").boolean(true);
  writer.key("done_reason").string(request.unloads ? "unload" : "load").end_object();
  answer.body += '\n';
  return answer;
}

class GenerateReader {
 public:
  GenerateReader(Fields& fields, const ServedModel& model)
      : fields_(fields), model_(model), writer_(body_) {
    writer_.begin_object();
  }

  void read() {
    request_ = write_common_options(fields_, model_, writer_);
    fields_.read("prompt", prompt_);
    fields_.read("suffix", suffix_);
    fields_.read("system", system_);
    fields_.read("raw", raw_);
    fields_.read("context", context_);
    std::string own_template;
    fields_.read("template", own_template);
    if (!own_template.empty()) {
      fields_.error().not_implemented(
          "`template` is not supported: the model's own template is used; send `raw`: true with a "
          "prompt that is written out.",
          "template");
    }
    const auto images = fields_.read_array("images");
    if (images && images->size() > 0) {
      fields_.error().bad_request("`images`: this model takes only text.", "images");
    }
  }

  bool only_loads() const { return prompt_.empty() && suffix_.empty(); }
  const OllamaRequest& request() const { return request_; }

  std::unique_ptr<GenerationCall> make_call(const CallContext& context) {
    const bool plain = raw_ || !suffix_.empty() || model_.chat_template == nullptr;
    auto chat = plain ? read_plain() : read_templated();
    if (!chat) return nullptr;
    if (!context_.empty())
      chat->prompt.insert(chat->prompt.begin(), context_.begin(), context_.end());
    const LengthRequest length{.max_tokens = std::nullopt,
                               .default_tokens = std::nullopt,
                               .truncate_prompt_tokens = std::nullopt,
                               .param = "prompt"};
    fit_prompt(chat->prompt, length, model_, fields_.error());
    if (fields_.error()) return nullptr;
    EngineRequest engine_request;
    engine_request.params = std::move(chat->common.params);
    engine_request.params.max_tokens =
        fitting_tokens(request_.max_tokens, chat->prompt.size(), model_);
    engine_request.prompt = std::move(chat->prompt);
    return std::make_unique<OllamaCall>(OllamaKind::kGenerate, request_, std::move(engine_request),
                                        chat->format, model_, context);
  }

 private:
  std::optional<ChatRequest> read_templated() {
    writer_.key("messages").begin_array();
    write_message("system", system_);
    write_message("user", prompt_);
    writer_.end_array();
    if (request_.logprobs) {
      writer_.key("logprobs").boolean(true).key("top_logprobs").integer(request_.top_logprobs);
    }
    writer_.end_object();
    std::vector<std::string> ignored;
    return read_chat_request(body_, model_, fields_.error(), ignored);
  }

  void write_message(std::string_view role, std::string_view content) {
    if (content.empty()) return;
    writer_.begin_object().key("role").string(role).key("content").string(content).end_object();
  }

  std::optional<ChatRequest> read_plain() {
    writer_.end_object();
    JsonDocument document;
    const auto object = document.parse_object(body_, fields_.error());
    if (!object) return std::nullopt;
    Fields common(*object, fields_.error());
    ChatRequest chat;
    chat.common = read_common(common, model_);
    if (request_.logprobs) chat.common.params.logprobs = request_.top_logprobs;
    chat.format = std::make_shared<MessageFormat>();
    if (chat.common.output_format && !fields_.error()) {
      chat.common.params.grammar =
          compile_format(*chat.common.output_format, model_, fields_.error());
    }
    if (!fields_.error()) read_plain_prompt(chat);
    if (!fields_.error()) check_params(chat.common.params, model_, fields_.error());
    if (fields_.error()) return std::nullopt;
    return chat;
  }

  void read_plain_prompt(ChatRequest& chat) {
    auto tokens = suffix_.empty() ? model_.tokenizer->encode(prompt_, {context_.empty(), true})
                                  : middle(chat.common.params.stop_tokens);
    if (!tokens) return fields_.error().add(to_api_error(tokens.error()));
    chat.prompt = std::move(*tokens);
  }

  Result<std::vector<TokenId>> middle(std::vector<TokenId>& stop_tokens) {
    const auto marks = find_fim_tokens(*model_.tokenizer);
    if (!marks) {
      return Error(ErrorCode::kInvalidArgument,
                   request_.asked_name +
                       " does not support insert: its vocabulary has no marks for prefix, suffix "
                       "and middle; leave `suffix` out");
    }
    stop_tokens.insert(stop_tokens.end(), marks->ends.begin(), marks->ends.end());
    return fim_prompt({prompt_, suffix_, {}, {}}, *marks, request_.max_tokens.value_or(1), model_);
  }

  Fields& fields_;
  const ServedModel& model_;
  std::string body_;  // in OpenAI's terms
  JsonWriter writer_;
  OllamaRequest request_;
  std::string prompt_, suffix_, system_;
  std::vector<TokenId> context_;
  bool raw_ = false;
};

}  // namespace

OllamaAnswer answer_ollama_generate(std::string_view body, const ServedModel& model,
                                    const CallContext& context) {
  FirstError error;
  JsonDocument document;
  const auto object = document.parse_object(body, error);
  if (!object) return PlainAnswer{{}, error.take()};
  Fields fields(*object, error);
  GenerateReader reader(fields, model);
  reader.read();
  if (error) return PlainAnswer{{}, error.take()};
  if (reader.only_loads()) return generate_loaded(reader.request(), context);
  ParsedCall parsed;
  parsed.call = reader.make_call(context);
  if (!parsed.call) return PlainAnswer{{}, error.take()};
  parsed.ignored_fields = reader.request().ignored;
  for (std::string& name : fields.unread()) parsed.ignored_fields.push_back(std::move(name));
  return parsed;
}

}  // namespace trivet
