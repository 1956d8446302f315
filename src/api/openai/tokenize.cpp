// POST /tokenize and /detokenize, in vLLM's forms and llama.cpp's.
#include "api/openai/chat_prompt.h"
#include "api/openai/request_fields.h"

namespace trivet {
namespace {

PlainAnswer answer_with(std::string body) { return {std::move(body), std::nullopt}; }
PlainAnswer answer_with(ApiError error) { return {{}, std::move(error)}; }

bool is_utf8(std::string_view bytes) { return to_valid_utf8(bytes) == bytes; }

// {"count", "max_model_len", "tokens", "token_strs"}
std::string vllm_answer(const std::vector<TokenId>& tokens, bool with_strings,
                        const ServedModel& model) {
  std::string out;
  JsonWriter writer(out);
  writer.begin_object();
  writer.key("count").integer(static_cast<int64_t>(tokens.size()));
  writer.key("max_model_len").integer(model.max_model_len);
  writer.key("tokens").begin_array();
  for (const TokenId token : tokens) writer.integer(token);
  writer.end_array().key("token_strs");
  if (with_strings) {
    writer.begin_array();
    for (const TokenId token : tokens) writer.string(model.tokenizer->token_bytes(token));
    writer.end_array();
  } else {
    writer.null();
  }
  writer.end_object();
  return out;
}

// A piece is a string, or an array of bytes where it is a part of a character.
void write_piece(JsonWriter& writer, std::string_view bytes) {
  if (is_utf8(bytes)) {
    writer.string(bytes);
    return;
  }
  writer.begin_array();
  for (const char c : bytes) writer.integer(static_cast<unsigned char>(c));
  writer.end_array();
}

// {"tokens": [7] or [{"id", "piece"}]}
std::string llama_answer(const std::vector<TokenId>& tokens, bool with_pieces,
                         const Tokenizer& tokenizer) {
  std::string out;
  JsonWriter writer(out);
  writer.begin_object().key("tokens").begin_array();
  for (const TokenId token : tokens) {
    if (!with_pieces) {
      writer.integer(token);
      continue;
    }
    writer.begin_object().key("id").integer(token).key("piece");
    write_piece(writer, tokenizer.token_bytes(token));
    writer.end_object();
  }
  writer.end_array().end_object();
  return out;
}

PlainAnswer tokenize_text(Fields& fields, const ServedModel& model) {
  const bool llama_form = !fields.has("prompt");
  std::string text;
  bool add_special = !llama_form, parse_special = true, with_details = false;
  fields.read(llama_form ? "content" : "prompt", text);
  fields.read(llama_form ? "add_special" : "add_special_tokens", add_special);
  fields.read(llama_form ? "with_pieces" : "return_token_strs", with_details);
  if (llama_form) fields.read("parse_special", parse_special);
  if (fields.error()) return answer_with(fields.error().take());
  const auto tokens = model.tokenizer->encode(text, {add_special, parse_special});
  if (!tokens) return answer_with(to_api_error(tokens.error()));
  return answer_with(llama_form ? llama_answer(*tokens, with_details, *model.tokenizer)
                                : vllm_answer(*tokens, with_details, model));
}

PlainAnswer tokenize_chat(Fields& fields, const ServedModel& model) {
  bool with_strings = false;
  fields.read("return_token_strs", with_strings);
  const ChatPrompt prompt = read_chat_prompt(fields, model);
  if (fields.error()) return answer_with(fields.error().take());
  return answer_with(vllm_answer(prompt.tokens, with_strings, model));
}

}  // namespace

PlainAnswer answer_tokenize(std::string_view body, const ServedModel& model) {
  FirstError error;
  JsonDocument document;
  const auto object = document.parse_object(body, error);
  if (!object) return answer_with(error.take());
  Fields fields(*object, error);
  check_model(fields, model);
  if (error) return answer_with(error.take());
  if (fields.has("messages")) return tokenize_chat(fields, model);
  if (fields.has("prompt") || fields.has("content")) return tokenize_text(fields, model);
  error.bad_request("The body must have `prompt`, `messages` or `content`.", "prompt");
  return answer_with(error.take());
}

PlainAnswer answer_detokenize(std::string_view body, const ServedModel& model) {
  FirstError error;
  JsonDocument document;
  const auto object = document.parse_object(body, error);
  if (!object) return answer_with(error.take());
  Fields fields(*object, error);
  check_model(fields, model);
  std::vector<TokenId> tokens;
  fields.read("tokens", tokens);
  if (!fields.has("tokens")) error.bad_request("`tokens` is missing.", "tokens");
  for (const TokenId token : tokens) {
    if (token >= 0 && token < model.limits.vocab_size) continue;
    error.bad_request("Token id " + std::to_string(token) + " is out of the vocabulary of " +
                          std::to_string(model.limits.vocab_size) + " tokens.",
                      "tokens");
    break;
  }
  if (error) return answer_with(error.take());
  const auto text = model.tokenizer->decode(tokens, false);
  if (!text) return answer_with(to_api_error(text.error()));
  std::string out;
  JsonWriter writer(out);
  // vLLM's name for it, then llama.cpp's: the bodies of the requests do not differ.
  writer.begin_object().key("prompt").string(*text).key("content").string(*text).end_object();
  return answer_with(std::move(out));
}

}  // namespace trivet
