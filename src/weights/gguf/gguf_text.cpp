#include "weights/end_tokens.h"
#include "weights/gguf/gguf_config.h"
#include "weights/gguf/gguf_keys.h"
#include "weights/opened_model.h"

namespace trivet {
namespace {

std::vector<TokenType> read_types(GgufKeys& keys, size_t num_tokens) {
  const std::string key = "tokenizer.ggml.token_type";
  std::vector<TokenType> types;
  const auto numbers = keys.counts(key);
  if (!numbers) return types;
  if (numbers->size() != num_tokens) {
    keys.fail(key, std::to_string(numbers->size()) + " types for " + std::to_string(num_tokens) +
                       " tokens");
    return types;
  }
  types.reserve(num_tokens);
  for (const int number : *numbers) {
    if (number > static_cast<int>(TokenType::kByte)) {
      keys.fail(key, "type " + std::to_string(number) + " is unknown");
      return {};
    }
    // 0 is "undefined", which some converters write for ordinary tokens.
    types.push_back(number == 0 ? TokenType::kNormal : static_cast<TokenType>(number));
  }
  return types;
}

std::vector<float> read_scores(GgufKeys& keys, size_t num_tokens) {
  const std::string key = "tokenizer.ggml.scores";
  auto scores = keys.reals(key).value_or(std::vector<float>{});
  if (!scores.empty() && scores.size() != num_tokens) {
    keys.fail(key, std::to_string(scores.size()) + " scores for " + std::to_string(num_tokens) +
                       " tokens");
    return {};
  }
  return scores;
}

std::optional<TokenId> read_token(GgufKeys& keys, const std::string& name, size_t num_tokens) {
  const std::string key = "tokenizer.ggml." + name + "_token_id";
  const GgufKeys& readable = keys;
  if (!readable.has(key)) return std::nullopt;
  const auto id = keys.count(key);
  if (id && static_cast<size_t>(*id) >= num_tokens) {
    keys.fail(key, "token " + std::to_string(*id) + " is outside the vocabulary of " +
                       std::to_string(num_tokens));
    return std::nullopt;
  }
  return id;
}

std::vector<TokenId> find_end_tokens(const Vocabulary& vocabulary) {
  std::vector<TokenId> ends;
  if (vocabulary.eos) add_end_token(ends, *vocabulary.eos);
  if (vocabulary.eot) add_end_token(ends, *vocabulary.eot);
  for (size_t i = 0; i < vocabulary.types.size(); ++i) {
    const bool special = vocabulary.types[i] == TokenType::kControl ||
                         vocabulary.types[i] == TokenType::kUserDefined;
    if (special && ends_a_turn(vocabulary.tokens[i])) {
      add_end_token(ends, static_cast<TokenId>(i));
    }
  }
  return ends;
}

Vocabulary read_vocabulary(GgufKeys& keys, std::vector<std::string> tokens) {
  Vocabulary vocabulary;
  const size_t n = tokens.size();
  vocabulary.tokens = std::move(tokens);
  vocabulary.name = keys.text("general.name").value_or("");
  vocabulary.model = keys.text("tokenizer.ggml.model").value_or("");
  vocabulary.pre = keys.text("tokenizer.ggml.pre").value_or("");
  vocabulary.scores = read_scores(keys, n);
  vocabulary.types = read_types(keys, n);
  vocabulary.merges = keys.texts("tokenizer.ggml.merges").value_or(std::vector<std::string>{});
  vocabulary.bos = read_token(keys, "bos", n);
  vocabulary.eos = read_token(keys, "eos", n);
  vocabulary.eot = read_token(keys, "eot", n);
  vocabulary.unknown = read_token(keys, "unknown", n);
  vocabulary.padding = read_token(keys, "padding", n);
  vocabulary.add_bos = keys.flag("tokenizer.ggml.add_bos_token");
  vocabulary.add_eos = keys.flag("tokenizer.ggml.add_eos_token");
  vocabulary.add_space_prefix = keys.flag("tokenizer.ggml.add_space_prefix");
  return vocabulary;
}

std::string scalar_json(const GgufScalar& value) {
  if (const auto* text = std::get_if<std::string_view>(&value)) return json_text(*text);
  if (const auto* flag = std::get_if<bool>(&value)) return *flag ? "true" : "false";
  if (const auto* number = std::get_if<uint64_t>(&value)) return std::to_string(*number);
  if (const auto* number = std::get_if<int64_t>(&value)) return std::to_string(*number);
  const double real = std::get<double>(value);
  char text[32];
  std::snprintf(text, sizeof text, "%.9g", real);
  // JSON has no infinity and no NaN.
  return real - real == 0 ? text : json_text(text);
}

std::string array_json(const GgufArray& array) {
  constexpr uint64_t kShown = 8;
  std::string json = "[";
  for (const GgufScalar& element : decode_elements(array, kShown)) {
    if (json.size() > 1) json += ", ";
    json += scalar_json(element);
  }
  if (array.count > kShown) json += ", \"...\"";
  return json + "]";
}

}  // namespace

Result<TextSource> read_gguf_text(const GgufHeader& header) {
  GgufKeys keys(header);
  TextSource text;
  text.chat_template = keys.text("tokenizer.chat_template").value_or("");
  auto tokens = keys.texts("tokenizer.ggml.tokens");
  if (tokens) {
    text.vocabulary = read_vocabulary(keys, *std::move(tokens));
    const Vocabulary& vocabulary = *text.vocabulary;
    const auto text_of = [&](std::optional<TokenId> id) {
      return id ? vocabulary.tokens[static_cast<size_t>(*id)] : std::string();
    };
    text.bos_token = text_of(vocabulary.bos);
    text.eos_token = text_of(vocabulary.eos);
    text.end_tokens = find_end_tokens(vocabulary);
  }
  TRIVET_RETURN_IF_ERROR(keys.status());
  return text;
}

std::vector<MetadataEntry> read_gguf_metadata(const GgufHeader& header) {
  std::vector<MetadataEntry> entries;
  for (const GgufEntry& entry : header.entries()) {
    MetadataEntry shown{std::string(entry.key), std::string(gguf_type_name(entry.type)), ""};
    std::visit(
        [&](const auto& value) {
          if constexpr (std::is_same_v<std::decay_t<decltype(value)>, GgufArray>) {
            shown.type = "array of " + std::to_string(value.count) + " " +
                         std::string(gguf_type_name(value.type));
            shown.json = array_json(value);
          } else {
            shown.json = scalar_json(GgufScalar(value));
          }
        },
        entry.value);
    entries.push_back(std::move(shown));
  }
  return entries;
}

}  // namespace trivet
