#include <simdjson.h>
#include <charconv>

#include "weights/end_tokens.h"
#include "weights/json_document.h"
#include "weights/safetensors/hf_folder.h"

namespace trivet {
namespace {

using nlohmann::json;

struct AddedToken {
  TokenId id;
  std::string text;
  bool special;
};

std::string_view text_of(const HfFolder& folder, const std::string& name) {
  const auto found = folder.texts.find(name);
  return found == folder.texts.end() ? std::string_view() : std::string_view(found->second);
}

// The "added_tokens" of a tokenizer.json, which can be tens of megabytes: only that list is
// decoded.
Result<std::vector<AddedToken>> read_added_tokens(std::string_view tokenizer_json,
                                                  const std::string& file) {
  namespace od = simdjson::ondemand;
  std::vector<AddedToken> tokens;
  const simdjson::padded_string padded(tokenizer_json);
  od::parser parser;
  od::document document;
  simdjson::error_code problem = parser.iterate(padded).get(document);
  od::array list;
  if (!problem) problem = document["added_tokens"].get_array().get(list);
  if (problem == simdjson::NO_SUCH_FIELD) return tokens;
  if (!problem) {
    for (auto element : list) {
      uint64_t id = 0;
      std::string_view content;
      bool special = false;
      if ((problem = element["id"].get_uint64().get(id))) break;
      if ((problem = element["content"].get_string().get(content))) break;
      std::string text(content);
      if (element["special"].get_bool().get(special) != simdjson::SUCCESS) special = false;
      if (id < (uint64_t{1} << 31)) tokens.push_back({static_cast<TokenId>(id), text, special});
    }
  }
  if (problem) {
    return Error(ErrorCode::kDataLoss,
                 file + ": \"added_tokens\": " + simdjson::error_message(problem));
  }
  return tokens;
}

// A special token is a text, or an object with its text as "content".
std::string special_token(const json& config, const char* key) {
  const auto found = config.find(key);
  if (found == config.end()) return "";
  if (found->is_string()) return found->get<std::string>();
  if (!found->is_object()) return "";
  const auto content = found->find("content");
  return content != found->end() && content->is_string() ? content->get<std::string>() : "";
}

// One template, or a list of named ones of which "default" is for chats.
std::string template_in(const json& config) {
  const auto found = config.find("chat_template");
  if (found == config.end()) return "";
  if (found->is_string()) return found->get<std::string>();
  if (!found->is_array()) return "";
  for (const json& entry : *found) {
    if (!entry.is_object()) continue;
    const auto name = entry.find("name"), text = entry.find("template");
    if (name != entry.end() && *name == "default" && text != entry.end() && text->is_string()) {
      return text->get<std::string>();
    }
  }
  return "";
}

Result<void> add_tokenizer_config(const HfFolder& folder, TextSource& text) {
  const std::string_view content = text_of(folder, "tokenizer_config.json");
  if (content.empty()) return {};
  TRIVET_ASSIGN_OR_RETURN(const json config,
                          parse_json_object(content, folder.path + "/tokenizer_config.json"));
  text.bos_token = special_token(config, "bos_token");
  text.eos_token = special_token(config, "eos_token");
  text.chat_template = template_in(config);
  return {};
}

Result<void> add_chat_template(const HfFolder& folder, TextSource& text) {
  if (const auto jinja = text_of(folder, "chat_template.jinja"); !jinja.empty()) {
    text.chat_template = std::string(jinja);
    return {};
  }
  const auto content = text_of(folder, "chat_template.json");
  if (content.empty()) return {};
  TRIVET_ASSIGN_OR_RETURN(const json config,
                          parse_json_object(content, folder.path + "/chat_template.json"));
  if (std::string found = template_in(config); !found.empty()) text.chat_template = found;
  return {};
}

Result<void> add_end_ids(const HfFolder& folder, const std::string& name, TextSource& text) {
  const auto content = text_of(folder, name);
  if (content.empty()) return {};
  TRIVET_ASSIGN_OR_RETURN(const json config, parse_json_object(content, folder.path + "/" + name));
  JsonKeys keys(config, folder.path + "/" + name);
  for (const int id : keys.counts("eos_token_id")) add_end_token(text.end_tokens, id);
  return keys.status();
}

}  // namespace

Result<TextSource> read_hf_text(const HfFolder& folder) {
  TextSource text;
  text.tokenizer_json = std::string(text_of(folder, "tokenizer.json"));
  TRIVET_RETURN_IF_ERROR(add_tokenizer_config(folder, text));
  TRIVET_RETURN_IF_ERROR(add_chat_template(folder, text));
  TRIVET_RETURN_IF_ERROR(add_end_ids(folder, "generation_config.json", text));
  TRIVET_RETURN_IF_ERROR(add_end_ids(folder, "config.json", text));
  if (text.tokenizer_json.empty()) return text;
  TRIVET_ASSIGN_OR_RETURN(const auto added,
                          read_added_tokens(text.tokenizer_json, folder.path + "/tokenizer.json"));
  for (const AddedToken& token : added) {
    const bool is_eos = !text.eos_token.empty() && token.text == text.eos_token;
    if (is_eos || (token.special && ends_a_turn(token.text))) {
      add_end_token(text.end_tokens, token.id);
    }
  }
  return text;
}

}  // namespace trivet
