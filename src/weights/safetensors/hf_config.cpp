#include <algorithm>
#include <cmath>

#include "weights/architecture.h"
#include "weights/families.h"
#include "weights/json_document.h"
#include "weights/safetensors/hf_folder.h"

namespace trivet {
namespace {

using nlohmann::json;

// One set of rope parameters: "rope_scaling" beside a separate base, or an entry of
// "rope_parameters".
RopeConfig read_rope(JsonKeys& keys, const json* parameters, double theta, int head_dim,
                     int context_length) {
  RopeConfig rope;
  rope.theta = theta;
  rope.rotary_dim = head_dim;
  if (parameters == nullptr) return rope;
  if (!parameters->is_object()) {
    keys.fail("rope_scaling", "is not an object");
    return rope;
  }
  JsonKeys in(*parameters, keys.file());
  rope.theta = in.real("rope_theta").value_or(theta);
  const double part = in.real("partial_rotary_factor").value_or(1.0);
  rope.rotary_dim = static_cast<int>(head_dim * std::clamp(part, 0.0, 1.0));
  const std::string type = in.text("rope_type").value_or(in.text("type").value_or("default"));
  rope.factor = in.real("factor").value_or(1.0);
  rope.original_context = in.count("original_max_position_embeddings").value_or(context_length);
  if (type == "linear") {
    rope.scaling = RopeScaling::kLinear;
  } else if (type == "llama3") {
    rope.scaling = RopeScaling::kLlama3;
    rope.low_freq_factor = in.real("low_freq_factor").value_or(1.0);
    rope.high_freq_factor = in.real("high_freq_factor").value_or(4.0);
  } else if (type == "yarn") {
    rope.scaling = RopeScaling::kYarn;
    rope.beta_fast = in.real("beta_fast").value_or(32.0);
    rope.beta_slow = in.real("beta_slow").value_or(1.0);
    rope.attention_factor = in.real("attention_factor").value_or(0.0);
  } else if (type != "default") {
    in.fail("rope_type", "\"" + type + "\" is not supported", ErrorCode::kUnimplemented);
  }
  if (!in.status().ok())
    keys.fail("rope_scaling", in.status().error().message(), in.status().error().code());
  return rope;
}

const json* member(const json* object, const char* key) {
  if (object == nullptr || !object->is_object()) return nullptr;
  const auto found = object->find(key);
  return found == object->end() || found->is_null() ? nullptr : &*found;
}

void add_ropes(JsonKeys& keys, ModelConfig& config) {
  const bool gemma = config.architecture == "gemma3";
  const json* parameters = keys.find("rope_parameters");
  const json* global = member(parameters, "full_attention");
  const json* local = member(parameters, "sliding_attention");
  if (global == nullptr) global = parameters != nullptr ? parameters : keys.find("rope_scaling");
  const double theta = keys.real("rope_theta").value_or(gemma ? 1e6 : 1e4);
  const double part = keys.real("partial_rotary_factor").value_or(1.0);
  const int rotary = static_cast<int>(config.head_dim * std::clamp(part, 0.0, 1.0));
  config.rope = read_rope(keys, global, theta, rotary, config.context_length);
  if (!gemma) return;
  const double local_theta = keys.real("rope_local_base_freq").value_or(1e4);
  config.local_rope = read_rope(keys, local, local_theta, rotary, config.context_length);
}

// Which layers have a window, by "layer_types" or by the rule of the family.
std::vector<bool> read_window_layers(JsonKeys& keys, const ModelConfig& config,
                                     const std::string& model_type) {
  std::vector<bool> layers;
  if (const json* types = keys.find("layer_types"); types != nullptr && types->is_array()) {
    for (const json& type : *types) {
      if (type == "sliding_attention") {
        layers.push_back(true);
      } else if (type == "full_attention") {
        layers.push_back(false);
      } else {
        keys.fail("layer_types", "holds a kind of layer that is not supported",
                  ErrorCode::kUnimplemented);
      }
    }
    return layers;
  }
  if (config.architecture == "gemma3") {
    const int period = keys.count("sliding_window_pattern")
                           .value_or(keys.count("_sliding_window_pattern").value_or(6));
    return every_nth_layer_is_global(config.num_layers, period);
  }
  const int first = model_type == "qwen2" ? keys.count("max_window_layers").value_or(28) : 0;
  for (int i = 0; i < config.num_layers; ++i) layers.push_back(i >= first);
  return layers;
}

void add_windows(JsonKeys& keys, const std::string& model_type, ModelConfig& config) {
  const bool used = model_type != "qwen2" || keys.flag("use_sliding_window").value_or(false);
  const int by_default = model_type == "gemma3" || model_type == "gemma3_text" ? 4096 : 0;
  const int window = keys.count("sliding_window").value_or(by_default);
  if (!used || window == 0 || model_type == "llama" || config.num_layers > (1 << 16)) return;
  auto layers = read_window_layers(keys, config, model_type);
  if (std::ranges::find(layers, true) == layers.end()) return;
  config.sliding_window = window;
  config.layer_has_window = std::move(layers);
}

void add_activation(JsonKeys& keys, ModelConfig& config) {
  const bool gemma = config.architecture == "gemma3";
  const std::string name =
      keys.text("hidden_activation")
          .value_or(keys.text("hidden_act").value_or(gemma ? "gelu_pytorch_tanh" : "silu"));
  if (name == "silu" || name == "swish") {
    config.activation = TRIVET_ACT_SILU;
  } else if (name == "gelu_pytorch_tanh") {
    config.activation = TRIVET_ACT_GELU_TANH;
  } else if (is_known_architecture(config.architecture)) {
    keys.fail("hidden_act", "\"" + name + "\" is not supported", ErrorCode::kUnimplemented);
  }
}

ModelConfig read_model(JsonKeys& keys, const std::string& model_type) {
  const Family family = family_of(model_type);
  ModelConfig config;
  config.architecture = std::string(family.architecture);
  config.hidden_size = keys.count("hidden_size").value_or(0);
  config.intermediate_size = keys.count("intermediate_size").value_or(0);
  config.num_layers = keys.count("num_hidden_layers").value_or(0);
  config.num_heads = keys.count("num_attention_heads").value_or(family.num_heads);
  config.num_kv_heads =
      keys.count("num_key_value_heads")
          .value_or(family.num_kv_heads != 0 ? family.num_kv_heads : config.num_heads);
  const int even_split = config.num_heads > 0 ? config.hidden_size / config.num_heads : 0;
  config.head_dim =
      keys.count("head_dim").value_or(family.head_dim != 0 ? family.head_dim : even_split);
  config.vocab_size = keys.count("vocab_size").value_or(family.vocab_size);
  config.context_length = keys.count("max_position_embeddings").value_or(family.context_length);
  config.norm_eps = static_cast<float>(keys.real("rms_norm_eps").value_or(1e-6));
  config.tied_embeddings = keys.flag("tie_word_embeddings").value_or(family.tied_embeddings);
  config.attention_softcap = static_cast<float>(keys.real("attn_logit_softcapping").value_or(0.0));
  config.logit_softcap = static_cast<float>(keys.real("final_logit_softcapping").value_or(0.0));
  if (config.head_dim <= (1 << 20)) add_ropes(keys, config);
  add_windows(keys, model_type, config);
  add_activation(keys, config);
  if (config.architecture == "gemma3") {
    config.norm_weight_offset = 1.0f;
    config.embedding_scale = std::sqrt(static_cast<float>(config.hidden_size));
    const double scalar = keys.real("query_pre_attn_scalar").value_or(256.0);
    if (scalar > 0) config.attention_scale = static_cast<float>(1.0 / std::sqrt(scalar));
  }
  return config;
}

}  // namespace

Result<ModelConfig> read_hf_config(std::string_view config_json, const std::string& file) {
  TRIVET_ASSIGN_OR_RETURN(const json document, parse_json_object(config_json, file));
  JsonKeys top(document, file);
  std::string model_type = top.text("model_type").value_or("");
  TRIVET_RETURN_IF_ERROR(top.status());
  if (model_type.empty()) {
    top.fail("model_type", "is missing: this is not the configuration of a model");
    return top.status().error();
  }
  // A model of several modalities keeps its language model apart.
  const json* text_part = top.find("text_config");
  const bool nested = text_part != nullptr && text_part->is_object();
  JsonKeys keys(nested ? *text_part : document, file);
  ModelConfig config = read_model(keys, model_type);
  config.name = top.text("_name_or_path").value_or("");
  TRIVET_RETURN_IF_ERROR(keys.status());
  TRIVET_RETURN_IF_ERROR(top.status());
  return config;
}

Result<GenerationDefaults> read_hf_generation(std::string_view text, const std::string& file) {
  TRIVET_ASSIGN_OR_RETURN(const json document, parse_json_object(text, file));
  JsonKeys keys(document, file);
  GenerationDefaults defaults;
  const auto real = [&](const char* key) -> std::optional<float> {
    const auto value = keys.real(key);
    return value ? std::optional<float>(static_cast<float>(*value)) : std::nullopt;
  };
  defaults.temperature = real("temperature");
  defaults.top_p = real("top_p");
  defaults.min_p = real("min_p");
  defaults.repetition_penalty = real("repetition_penalty");
  defaults.top_k = keys.count("top_k");
  TRIVET_RETURN_IF_ERROR(keys.status());
  return defaults;
}

}  // namespace trivet
