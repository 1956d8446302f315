// A model folder of Hugging Face as bytes, and its parts in the project's own terms.
#ifndef TRIVET_WEIGHTS_SAFETENSORS_HF_FOLDER_H_
#define TRIVET_WEIGHTS_SAFETENSORS_HF_FOLDER_H_

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "weights/opened_model.h"

namespace trivet {

struct HfFolder {
  std::string path;
  std::map<std::string, std::string>
      texts;                      // the small files that exist, by name: "config.json", ...
  std::vector<FileBytes> shards;  // the *.safetensors files of the model
};

// config.json of llama, mistral, qwen2, gemma3_text and gemma3 (its text part); of another model
// type, the keys that exist under their usual names. Formulas: transformers,
// models/*/configuration_*.py and modeling_rope_utils.py (both the rope_scaling and the
// rope_parameters form).
Result<ModelConfig> read_hf_config(std::string_view config_json, const std::string& file);

// generation_config.json.
Result<GenerationDefaults> read_hf_generation(std::string_view json, const std::string& file);

// tokenizer.json, tokenizer_config.json, chat_template.{jinja,json}, and the end tokens of
// config.json and generation_config.json.
Result<TextSource> read_hf_text(const HfFolder& folder);

// "model.layers.3.self_attn.q_proj.weight" -> "layer.3.attn_q"; names without a canonical form
// stay.
std::string canonical_hf_name(std::string_view name, std::string_view architecture);

// The whole model; the result points into the shards.
Result<ModelParts> read_safetensors_model(const HfFolder& folder);

}  // namespace trivet

#endif  // TRIVET_WEIGHTS_SAFETENSORS_HF_FOLDER_H_
