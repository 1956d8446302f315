#include "weights/inspect.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

namespace trivet {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kShownTemplateBytes = 400;

Json describe_rope(const RopeConfig& rope) {
  constexpr const char* kScalings[] = {"none", "linear", "llama3", "yarn"};
  return {{"theta", rope.theta},
          {"rotary_dim", rope.rotary_dim},
          {"scaling", kScalings[static_cast<int>(rope.scaling)]},
          {"factor", rope.factor}};
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

// Number type -> tensors and bytes.
Json describe_totals(const ModelSource& source) {
  std::map<std::string, std::pair<uint64_t, uint64_t>> totals;
  for (const TensorView& tensor : source.tensors()) {
    auto& [count, bytes] = totals[std::string(dtype_name(tensor.dtype))];
    ++count;
    bytes += tensor.data.size();
  }
  Json out = Json::object();
  for (const auto& [name, total] : totals)
    out[name] = {{"tensors", total.first}, {"bytes", total.second}};
  return out;
}

Json describe(const ModelSource& source) {
  Json out = {{"path", source.path()},
              {"format", std::string(source.format())},
              {"fingerprint", source.fingerprint()},
              {"config", describe_config(source.config())},
              {"text", describe_text_side(source.text())},
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

void append_object(const Json& object, std::string& out) {
  for (const auto& [key, value] : object.items()) {
    out += fmt::format("  {:<22} {}\n", key,
                       value.is_string() ? value.get<std::string>() : dump(value, -1));
  }
}

}  // namespace

std::string describe_json(const ModelSource& source) { return dump(describe(source), 2); }

std::string describe_text(const ModelSource& source) {
  const Json all = Json::parse(describe_json(source));  // strings are valid UTF-8 from here on
  std::string out = fmt::format("{} ({})\n\nconfiguration\n", source.path(), source.format());
  append_object(all["config"], out);
  out += "\ntext\n";
  append_object(all["text"], out);
  out += "\nbytes by number type\n";
  append_object(all["totals"], out);
  out += fmt::format("\n{} tensors\n", all["tensors"].size());
  for (const Json& tensor : all["tensors"]) {
    out += fmt::format("  {:<28} {:<6} {:>7} x {:<7} {:>11}  {}\n",
                       tensor["name"].get<std::string>(), tensor["type"].get<std::string>(),
                       tensor["shape"][0].get<int64_t>(), tensor["shape"][1].get<int64_t>(),
                       tensor["bytes"].get<uint64_t>(), tensor["file_name"].get<std::string>());
  }
  return out;
}

}  // namespace trivet
