#include "weights/gguf/gguf_config.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "weights/architecture.h"
#include "weights/gguf/gguf_keys.h"

namespace trivet {
namespace {

// Architectures whose converter reorders the query and key rows for interleaved rotation.
constexpr std::array<std::string_view, 2> kInterleaved = {"llama", "mistral3"};

RopeConfig read_rope(GgufKeys& keys, const std::string& arch, const ModelConfig& config) {
  const std::string prefix = arch + ".rope.";
  RopeConfig rope;
  rope.theta = keys.real(prefix + "freq_base").value_or(10000.0);
  rope.rotary_dim = keys.count(prefix + "dimension_count").value_or(config.head_dim);
  const std::string scaling = prefix + "scaling.";
  const auto type = keys.text(scaling + "type");
  rope.factor =
      keys.real(scaling + "factor").value_or(keys.real(prefix + "scale_linear").value_or(1.0));
  rope.original_context =
      keys.count(scaling + "original_context_length").value_or(config.context_length);
  if (type == "yarn") {
    rope.scaling = RopeScaling::kYarn;
    rope.beta_fast = keys.real(scaling + "yarn_beta_fast").value_or(32.0);
    rope.beta_slow = keys.real(scaling + "yarn_beta_slow").value_or(1.0);
    // The file's factor multiplies the one of the formula (YaRN, arXiv 2309.00071, eq. 22).
    const double by_file = keys.real(scaling + "attn_factor").value_or(1.0);
    if (by_file != 1.0) rope.attention_factor = by_file * (1.0 + 0.1 * std::log(rope.factor));
  } else if (!type || *type == "linear") {
    if (rope.factor != 1.0) rope.scaling = RopeScaling::kLinear;
  } else if (*type != "none") {
    keys.fail(scaling + "type", "\"" + *type + "\" is not supported", ErrorCode::kUnimplemented);
  }
  return rope;
}

// One entry per layer, or one number: the period of the layers without a window.
std::vector<bool> read_window_pattern(GgufKeys& keys, const std::string& key,
                                      const GgufHeader& header, int num_layers,
                                      int default_period) {
  const GgufEntry* entry = header.find(key);
  if (entry != nullptr && entry->type == GgufType::kArray) {
    const auto layers = keys.counts(key).value_or(std::vector<int>{});
    std::vector<bool> has_window;
    for (const int layer : layers) has_window.push_back(layer != 0);
    return has_window;
  }
  return every_nth_layer_is_global(num_layers, keys.count(key).value_or(default_period));
}

void add_windows(GgufKeys& keys, const std::string& arch, const GgufHeader& header, int period,
                 ModelConfig& config) {
  config.sliding_window = keys.count(arch + ".attention.sliding_window").value_or(0);
  if (config.sliding_window == 0 || config.num_layers > (1 << 16)) return;
  config.layer_has_window = read_window_pattern(keys, arch + ".attention.sliding_window_pattern",
                                                header, config.num_layers, period);
}

void add_gemma3(GgufKeys& keys, const GgufHeader& header, ModelConfig& config) {
  // Hugging Face, models/gemma3: five layers with a window, then one without; those with a window
  // rotate by another base and are never scaled.
  add_windows(keys, "gemma3", header, 6, config);
  if (config.sliding_window > 0) {
    RopeConfig local;
    local.theta = keys.real("gemma3.rope.freq_base_swa").value_or(10000.0);
    local.rotary_dim = config.rope.rotary_dim;
    config.local_rope = local;
  }
  config.activation = TRIVET_ACT_GELU_TANH;
  config.embedding_scale = std::sqrt(static_cast<float>(config.hidden_size));
  // The file does not say query_pre_attn_scalar. It is the head size in all published sizes but 27B
  // (62 layers), where it is hidden size / heads.
  constexpr int kLayersOf27B = 62;
  const int scalar = config.num_layers == kLayersOf27B && config.num_heads > 0
                         ? config.hidden_size / config.num_heads
                         : config.head_dim;
  if (scalar > 0) config.attention_scale = 1.0f / std::sqrt(static_cast<float>(scalar));
}

int read_vocab_size(GgufKeys& keys, const GgufHeader& header, const std::string& arch) {
  if (const GgufTensor* embedding = header.find_tensor("token_embd.weight")) {
    constexpr int64_t kMax = 1 << 30;
    return static_cast<int>(std::min(embedding->dimensions[1], kMax));
  }
  return keys.count(arch + ".vocab_size").value_or(0);
}

}  // namespace

Result<ModelConfig> read_gguf_config(const GgufHeader& header) {
  GgufKeys keys(header);
  ModelConfig config;
  const auto arch = keys.text("general.architecture");
  if (!arch) {
    keys.fail("general.architecture", "is missing: this is not a model");
    return keys.status().error();
  }
  config.architecture = *arch;
  config.name = keys.text("general.name").value_or("");
  const auto count = [&](const char* key) { return keys.count(*arch + key).value_or(0); };
  config.hidden_size = count(".embedding_length");
  config.intermediate_size = count(".feed_forward_length");
  config.num_layers = count(".block_count");
  config.num_heads = count(".attention.head_count");
  config.num_kv_heads = keys.count(*arch + ".attention.head_count_kv").value_or(config.num_heads);
  const int even_split = config.num_heads > 0 ? config.hidden_size / config.num_heads : 0;
  config.head_dim = keys.count(*arch + ".attention.key_length").value_or(even_split);
  config.context_length = count(".context_length");
  config.vocab_size = read_vocab_size(keys, header, *arch);
  config.norm_eps =
      static_cast<float>(keys.real(*arch + ".attention.layer_norm_rms_epsilon").value_or(1e-5));
  config.rope = read_rope(keys, *arch, config);
  const bool interleaved = std::ranges::find(kInterleaved, *arch) != kInterleaved.end();
  config.rope_style = interleaved ? TRIVET_ROPE_INTERLEAVED : TRIVET_ROPE_HALF;
  config.attention_scale = static_cast<float>(keys.real(*arch + ".attention.scale").value_or(0.0));
  config.attention_softcap =
      static_cast<float>(keys.real(*arch + ".attn_logit_softcapping").value_or(0.0));
  config.logit_softcap =
      static_cast<float>(keys.real(*arch + ".final_logit_softcapping").value_or(0.0));
  config.tied_embeddings = header.find_tensor("output.weight") == nullptr;
  if (*arch == "gemma3") {
    add_gemma3(keys, header, config);
  } else {
    add_windows(keys, *arch, header, 0, config);
  }
  const auto value_length = keys.count(*arch + ".attention.value_length");
  if (is_known_architecture(*arch) && value_length && *value_length != config.head_dim) {
    keys.fail(*arch + ".attention.value_length", "differs from the key length",
              ErrorCode::kUnimplemented);
  }
  TRIVET_RETURN_IF_ERROR(keys.status());
  return config;
}

Result<GenerationDefaults> read_gguf_generation(const GgufHeader& header) {
  GgufKeys keys(header);
  GenerationDefaults defaults;
  const auto real = [&](const char* key) -> std::optional<float> {
    const auto value = keys.real(key);
    return value ? std::optional<float>(static_cast<float>(*value)) : std::nullopt;
  };
  defaults.temperature = real("general.sampling.temp");
  defaults.top_p = real("general.sampling.top_p");
  defaults.min_p = real("general.sampling.min_p");
  defaults.repetition_penalty = real("general.sampling.penalty_repeat");
  defaults.top_k = keys.count("general.sampling.top_k");
  TRIVET_RETURN_IF_ERROR(keys.status());
  return defaults;
}

}  // namespace trivet
