// The endpoints of the Ollama API that tell about models.
#include <algorithm>
#include <cctype>

#include "api/fim_prompt.h"
#include "api/json_fields.h"
#include "api/ollama/ollama_api.h"
#include "api/timestamp.h"
#include "dialects/dialect.h"

namespace trivet {
namespace {

// The version of the API that is spoken here: clients compare it with what they need.
constexpr std::string_view kApiVersion = "0.12.11";
constexpr std::string_view kDefaultTag = ":latest";
constexpr std::string_view kNever = "2999-12-31T00:00:00Z";

std::string tagged(std::string_view name) {
  std::string result(name);
  if (name.find(':') == std::string_view::npos) result += kDefaultTag;
  return result;
}

bool same_name(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return std::tolower(static_cast<unsigned char>(c)); };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](char x, char y) { return lower(x) == lower(y); });
}

void write_details(JsonWriter& writer, const ModelFacts& facts) {
  writer.key("details").begin_object();
  writer.key("parent_model").string("").key("format").string(facts.format);
  writer.key("family").string(facts.architecture);
  writer.key("families").begin_array().string(facts.architecture).end_array();
  writer.key("parameter_size").string(short_number(facts.parameters));
  writer.key("quantization_level").string(facts.quantization).end_object();
}

void write_identity(JsonWriter& writer, std::string_view name, const ModelFacts& facts) {
  const std::string full = tagged(name);
  writer.key("name").string(full).key("model").string(full);
  writer.key("size").integer(static_cast<int64_t>(facts.bytes));
  writer.key("digest").string(facts.digest);
  write_details(writer, facts);
}

void write_stored(JsonWriter& writer, const StoredModel& stored) {
  ModelFacts facts;
  facts.bytes = stored.bytes;
  writer.begin_object();
  write_identity(writer, stored.name, facts);
  writer.key("modified_at").string(rfc3339(stored.modified)).end_object();
}

// Names of the keys as GGUF has them.
void write_model_info(JsonWriter& writer, const ServedModel& model) {
  const ModelFacts& facts = model.facts;
  const auto key = [&](std::string_view name) -> JsonWriter& {
    return writer.key(facts.architecture + "." + std::string(name));
  };
  writer.key("model_info").begin_object();
  writer.key("general.architecture").string(facts.architecture);
  writer.key("general.basename").string(model.names.front());
  writer.key("general.parameter_count").integer(facts.parameters);
  key("context_length").integer(model.max_model_len);
  key("embedding_length").integer(facts.hidden_size);
  key("block_count").integer(facts.num_layers);
  key("attention.head_count").integer(facts.num_heads);
  key("attention.head_count_kv").integer(facts.num_kv_heads);
  key("vocab_size").integer(model.limits.vocab_size);
  writer.end_object();
}

void write_capabilities(JsonWriter& writer, const ServedModel& model) {
  const std::string_view source =
      model.chat_template == nullptr ? "" : std::string_view(model.chat_template->source());
  writer.key("capabilities").begin_array().string("completion");
  if (source.find("tools") != std::string_view::npos) writer.string("tools");
  if (find_fim_tokens(*model.tokenizer)) writer.string("insert");
  if (model.reasoning != nullptr || find_reasoning(source) != nullptr) writer.string("thinking");
  writer.end_array();
}

std::string parameters_text(const GenerationDefaults& defaults) {
  std::string text;
  const auto add = [&](std::string_view name, const auto& value) {
    if (!value) return;
    text.append(name).append(" ").append(std::to_string(*value)).append("\n");
  };
  add("temperature", defaults.temperature);
  add("top_p", defaults.top_p);
  add("top_k", defaults.top_k);
  add("min_p", defaults.min_p);
  return text;
}

}  // namespace

std::string encode_ollama_error(const ApiError& error) {
  std::string out;
  JsonWriter writer(out);
  writer.begin_object().key("error").string(error.message).end_object();
  return out;
}

std::string served_name(std::string_view name, const ServedModel& model) {
  std::string_view bare = name;
  if (bare.ends_with(kDefaultTag)) bare.remove_suffix(kDefaultTag.size());
  for (const std::string& served : model.names) {
    if (same_name(served, name) || same_name(served, bare)) return served;
  }
  return {};
}

ApiError ollama_not_found(std::string_view name, const ServedModel* model) {
  std::string message = "model '" + std::string(name) + "' not found";
  if (model != nullptr) message += ": this server serves '" + model->names.front() + "'";
  return to_api_error(Error(ErrorCode::kNotFound, std::move(message)));
}

std::optional<OllamaModelName> read_ollama_name(std::string_view body,
                                                std::optional<ApiError>& error) {
  FirstError first;
  JsonDocument document;
  OllamaModelName result;
  if (const auto object = document.parse_object(body, first)) {
    Fields fields(*object, first);
    fields.read("name", result.name);
    fields.read("model", result.name);
    fields.read("stream", result.stream);
    if (result.name.empty()) first.bad_request("`model` is missing.", "model");
  }
  if (!first) return result;
  error = first.take();
  return std::nullopt;
}

PlainAnswer answer_ollama_tags(const ServedModel* model, std::span<const StoredModel> stored) {
  PlainAnswer answer;
  JsonWriter writer(answer.body);
  writer.begin_object().key("models").begin_array();
  if (model != nullptr) {
    for (const std::string& name : model->names) {
      writer.begin_object();
      write_identity(writer, name, model->facts);
      writer.key("modified_at").string(rfc3339(model->created)).end_object();
    }
  }
  for (const StoredModel& other : stored) {
    if (model == nullptr || served_name(other.name, *model).empty()) write_stored(writer, other);
  }
  writer.end_array().end_object();
  return answer;
}

PlainAnswer answer_ollama_ps(const ServedModel& model) {
  PlainAnswer answer;
  JsonWriter writer(answer.body);
  writer.begin_object().key("models").begin_array();
  for (const std::string& name : model.names) {
    writer.begin_object();
    write_identity(writer, name, model.facts);
    writer.key("expires_at").string(kNever).key("size_vram").integer(0);
    writer.key("context_length").integer(model.max_model_len).end_object();
  }
  writer.end_array().end_object();
  return answer;
}

PlainAnswer answer_ollama_show(std::string_view body, const ServedModel& model) {
  PlainAnswer answer;
  const auto asked = read_ollama_name(body, answer.error);
  if (!asked) return answer;
  if (served_name(asked->name, model).empty()) {
    answer.error = ollama_not_found(asked->name, &model);
    return answer;
  }
  JsonWriter writer(answer.body);
  writer.begin_object();
  writer.key("modelfile").string("FROM " + model.root + "\n");
  writer.key("parameters").string(parameters_text(model.defaults));
  writer.key("template")
      .string(model.chat_template == nullptr ? "" : model.chat_template->source());
  write_details(writer, model.facts);
  write_model_info(writer, model);
  write_capabilities(writer, model);
  writer.key("modified_at").string(rfc3339(model.created)).end_object();
  return answer;
}

PlainAnswer answer_ollama_version() {
  PlainAnswer answer;
  JsonWriter writer(answer.body);
  writer.begin_object().key("version").string(kApiVersion);
  writer.key("trivet_version").string(TRIVET_VERSION).end_object();
  return answer;
}

}  // namespace trivet
