// The hyper-parameters of a text model, whatever file they came from.
#ifndef TRIVET_WEIGHTS_MODEL_CONFIG_H_
#define TRIVET_WEIGHTS_MODEL_CONFIG_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "trivet/backend.h"

namespace trivet {

enum class RopeScaling { kNone, kLinear, kLlama3, kYarn };

struct RopeConfig {
  double theta = 10000.0;
  int rotary_dim = 0;  // values of each head that rotate
  RopeScaling scaling = RopeScaling::kNone;
  double factor = 1.0;
  double low_freq_factor = 1.0, high_freq_factor = 4.0;  // llama3
  double beta_fast = 32.0, beta_slow = 1.0;              // yarn
  double attention_factor = 0.0;                         // yarn; 0 = by formula
  int original_context = 0;                              // llama3, yarn
};

struct ModelConfig {
  std::string architecture;  // catalog name: "llama", "qwen2", "gemma3"
  std::string name;          // for people
  int hidden_size = 0;
  int intermediate_size = 0;
  int num_layers = 0;
  int num_heads = 0;
  int num_kv_heads = 0;
  int head_dim = 0;
  int vocab_size = 0;
  int context_length = 0;
  float norm_eps = 1e-5f;
  float norm_weight_offset =
      0.0f;  // added to every norm weight: 1 for Gemma from safetensors; GGUF has it folded
  trivet_activation activation = TRIVET_ACT_SILU;
  trivet_rope_style rope_style = TRIVET_ROPE_HALF;  // how the stored query and key rows are ordered
  RopeConfig rope;                                  // of layers without a window
  std::optional<RopeConfig> local_rope;             // of layers with a window, where it differs
  int sliding_window = 0;                           // tokens; 0 = no layer has a window
  std::vector<bool> layer_has_window;               // [num_layers]; empty = none
  float attention_scale = 0.0f;                     // 0 = 1/sqrt(head_dim)
  float attention_softcap = 0.0f;                   // 0 = none
  float logit_softcap = 0.0f;                       // 0 = none
  float embedding_scale = 1.0f;
  bool tied_embeddings = false;  // no separate output matrix: the head is the embedding
};

// Defaults for sampling that ship with a model (generation_config.json); absent = not given.
struct GenerationDefaults {
  std::optional<float> temperature, top_p, min_p, repetition_penalty;
  std::optional<int> top_k;
};

}  // namespace trivet

#endif  // TRIVET_WEIGHTS_MODEL_CONFIG_H_
