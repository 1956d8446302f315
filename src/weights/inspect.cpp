#include "weights/inspect.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

namespace trivet {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kShownTemplateBytes = 400;
constexpr size_t kShownValueBytes = 100;

Json describe_rope(const RopeConfig& rope) {
  constexpr const char* kScalings[] = {"none", "linear", "llama3", "yarn"};
  Json out = {{"theta", rope.theta},
              {"rotary_dim", rope.rotary_dim},
              {"scaling", kScalings[static_cast<int>(rope.scaling)]}};
  if (rope.scaling == RopeScaling::kNone) return out;
  out["factor"] = rope.factor;
  out["original_context"] = rope.original_context;
  if (rope.scaling == RopeScaling::kLlama3) {
    out["low_freq_factor"] = rope.low_freq_factor;
    out["high_freq_factor"] = rope.high_freq_factor;
  }
  if (rope.scaling == RopeScaling::kYarn) {
    out["beta_fast"] = rope.beta_fast;
    out["beta_slow"] = rope.beta_slow;
    out["attention_factor"] = rope.attention_factor;
  }
  return out;
}

Json describe_config(const ModelConfig& config) {
  Json out = {{"architecture", config.architecture},
              {"name", config.name},
              {"hidden_size", config.hidden_size},
              {"intermediate_size", config.intermediate_size},
              {"num_layers", config.num_layers},
              {"num_heads", config.num_heads},
              {"num_kv_heads", config.num_kv_heads},
              {"head_dim", config.head_dim},
              {"vocab_size", config.vocab_size},
              {"context_length", config.context_length},
              {"norm_eps", config.norm_eps},
              {"activation", config.activation == TRIVET_ACT_GELU_TANH ? "gelu_tanh" : "silu"},
              {"norm_weight_offset", config.norm_weight_offset},
              {"rope_style", config.rope_style == TRIVET_ROPE_HALF ? "half" : "interleaved"},
              {"attention_scale", config.attention_scale},
              {"attention_softcap", config.attention_softcap},
              {"logit_softcap", config.logit_softcap},
              {"embedding_scale", config.embedding_scale},
              {"rope", describe_rope(config.rope)}};
  if (config.local_rope) out["local_rope"] = describe_rope(*config.local_rope);
  if (config.sliding_window > 0) {
    out["sliding_window"] = config.sliding_window;
    out["layers_with_window"] =
        std::count(config.layer_has_window.begin(), config.layer_has_window.end(), true);
  }
  out["tied_embeddings"] = config.tied_embeddings;
  return out;
}

Json describe_text_side(const TextSource& text) {
  Json out;
  if (text.vocabulary) {
    out["tokenizer"] = {{"model", text.vocabulary->model},
                        {"pre", text.vocabulary->pre},
                        {"tokens", text.vocabulary->tokens.size()},
                        {"merges", text.vocabulary->merges.size()}};
  } else {
    out["tokenizer"] = {{"tokenizer_json_bytes", text.tokenizer_json.size()}};
  }
  out["bos_token"] = text.bos_token;
  out["eos_token"] = text.eos_token;
  out["end_tokens"] = text.end_tokens;
  out["chat_template_bytes"] = text.chat_template.size();
  out["chat_template"] = text.chat_template.substr(0, kShownTemplateBytes);
  return out;
}

Json describe_generation(const GenerationDefaults& defaults) {
  Json out = Json::object();
  if (defaults.temperature) out["temperature"] = *defaults.temperature;
  if (defaults.top_p) out["top_p"] = *defaults.top_p;
  if (defaults.top_k) out["top_k"] = *defaults.top_k;
  if (defaults.min_p) out["min_p"] = *defaults.min_p;
  if (defaults.repetition_penalty) out["repetition_penalty"] = *defaults.repetition_penalty;
  return out;
}

// Key -> its type and value; long lists are cut already.
Json describe_metadata(const ModelSource& source) {
  Json out = Json::object();
  for (const MetadataEntry& entry : source.metadata()) {
    Json value = Json::parse(entry.json, nullptr, false);
    if (value.is_discarded()) value = entry.json;
    out[entry.key] = {{"type", entry.type}, {"value", std::move(value)}};
  }
  return out;
}

struct Total {
  uint64_t tensors = 0, parameters = 0, bytes = 0;
};

// Number type -> tensors, parameters and bytes.
Json describe_totals(const ModelSource& source) {
  std::map<std::string, Total> totals;
  for (const TensorView& tensor : source.tensors()) {
    Total& total = totals[std::string(dtype_name(tensor.dtype))];
    ++total.tensors;
    total.parameters += static_cast<uint64_t>(tensor.rows) * static_cast<uint64_t>(tensor.cols);
    total.bytes += tensor.data.size();
  }
  Json out = Json::object();
  for (const auto& [name, total] : totals) {
    out[name] = {
        {"tensors", total.tensors}, {"parameters", total.parameters}, {"bytes", total.bytes}};
  }
  return out;
}

Json describe(const ModelSource& source) {
  Json out = {{"path", source.path()},
              {"format", std::string(source.format())},
              {"fingerprint", source.fingerprint()},
              {"config", describe_config(source.config())},
              {"text", describe_text_side(source.text())},
              {"generation", describe_generation(source.generation_defaults())},
              {"metadata", describe_metadata(source)},
              {"totals", describe_totals(source)}};
  out["tensors"] = Json::array();
  for (const TensorView& tensor : source.tensors()) {
    out["tensors"].push_back({{"name", tensor.name},
                              {"file_name", tensor.file_name},
                              {"type", std::string(dtype_name(tensor.dtype))},
                              {"shape", {tensor.rows, tensor.cols}},
                              {"bytes", tensor.data.size()}});
  }
  return out;
}

// Text from a file can be any bytes; what is not UTF-8 is shown as a replacement character.
std::string dump(const Json& json, int indent) {
  return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

// For a terminal: at most `width` bytes, and nothing that could steer it or break the line.
std::string printable(const std::string& text, size_t width) {
  std::string out;
  for (const char c : text.substr(0, width)) {
    out += static_cast<unsigned char>(c) < 32 || c == 127 ? ' ' : c;
  }
  return text.size() > width ? out + "..." : out;
}

std::string plain(const Json& value) {
  return value.is_string() ? value.get<std::string>() : dump(value, -1);
}

void append_object(const Json& object, std::string& out) {
  for (const auto& [key, value] : object.items()) {
    out += fmt::format("  {:<22} {}\n", key, printable(plain(value), kShownTemplateBytes));
  }
}

void append_metadata(const Json& metadata, std::string& out) {
  for (const auto& [key, entry] : metadata.items()) {
    const std::string type = entry["type"].get<std::string>();
    out += fmt::format("  {:<44} {}{}\n", printable(key, 100),
                       printable(plain(entry["value"]), kShownValueBytes),
                       type.starts_with("array") ? "  (" + type + ")" : "");
  }
}

}  // namespace

std::string describe_json(const ModelSource& source) { return dump(describe(source), 2); }

std::string describe_text(const ModelSource& source) {
  const Json all = Json::parse(describe_json(source));  // strings are valid UTF-8 from here on
  std::string out =
      fmt::format("{} ({})\n\nconfiguration\n", printable(source.path(), 4096), source.format());
  append_object(all["config"], out);
  out += "\ntext\n";
  append_object(all["text"], out);
  if (!all["generation"].empty()) out += "\ndefaults for sampling\n";
  append_object(all["generation"], out);
  out += "\nmetadata\n";
  append_metadata(all["metadata"], out);
  out += "\nby number type\n";
  for (const auto& [type, total] : all["totals"].items()) {
    out += fmt::format("  {:<22} {} tensors, {} parameters, {} bytes\n", type,
                       total["tensors"].get<uint64_t>(), total["parameters"].get<uint64_t>(),
                       total["bytes"].get<uint64_t>());
  }
  out += fmt::format("\n{} tensors\n", all["tensors"].size());
  for (const Json& tensor : all["tensors"]) {
    out += fmt::format("  {:<28} {:<6} {:>7} x {:<7} {:>11}  {}\n",
                       printable(tensor["name"].get<std::string>(), 200),
                       tensor["type"].get<std::string>(), tensor["shape"][0].get<int64_t>(),
                       tensor["shape"][1].get<int64_t>(), tensor["bytes"].get<uint64_t>(),
                       printable(tensor["file_name"].get<std::string>(), 200));
  }
  return out;
}

}  // namespace trivet
