#include <algorithm>
#include <array>
#include <optional>

#include "weights/safetensors/hf_folder.h"
#include "weights/tensor_names.h"

namespace trivet {
namespace {

constexpr std::array<NamePair, 10> kHfInLayer = {{
    {"input_layernorm", "attn_norm"},
    {"self_attn.q_proj", "attn_q"},
    {"self_attn.k_proj", "attn_k"},
    {"self_attn.v_proj", "attn_v"},
    {"self_attn.o_proj", "attn_output"},
    {"self_attn.q_norm", "attn_q_norm"},
    {"self_attn.k_norm", "attn_k_norm"},
    {"mlp.gate_proj", "ffn_gate"},
    {"mlp.up_proj", "ffn_up"},
    {"mlp.down_proj", "ffn_down"},
}};

// The norm after attention is that of the feed-forward part in two-norm models, and a norm of the
// attention's output in four-norm ones.
constexpr std::array<NamePair, 1> kTwoNorms = {{{"post_attention_layernorm", "ffn_norm"}}};
constexpr std::array<NamePair, 3> kFourNorms = {{
    {"post_attention_layernorm", "attn_post_norm"},
    {"pre_feedforward_layernorm", "ffn_norm"},
    {"post_feedforward_layernorm", "ffn_post_norm"},
}};

// Where the language model lies inside a larger one, longest first.
constexpr std::array<std::string_view, 4> kPrefixes = {
    "language_model.model.", "model.language_model.", "language_model.", "model."};

std::string_view without_prefix(std::string_view name) {
  for (const std::string_view prefix : kPrefixes) {
    if (name.starts_with(prefix)) return name.substr(prefix.size());
  }
  return name;
}

// Without ".weight" or ".bias"; nothing if there is no canonical form.
std::optional<std::string> canonical_base(std::string_view base, bool four_norms) {
  if (base == "lm_head" || base == "language_model.lm_head") return "output";
  const bool inside = without_prefix(base).size() != base.size();
  base = without_prefix(base);
  if (!inside) return std::nullopt;
  if (base == "embed_tokens") return "token_embedding";
  if (base == "norm") return "output_norm";
  if (!base.starts_with("layers.")) return std::nullopt;
  base.remove_prefix(7);
  const size_t dot = base.find('.');
  if (dot == std::string_view::npos || !is_layer_number(base.substr(0, dot))) return std::nullopt;
  const std::string_view part = base.substr(dot + 1);
  std::string_view canonical = find_name(kHfInLayer, part);
  if (canonical.empty()) {
    canonical = four_norms ? find_name(kFourNorms, part) : find_name(kTwoNorms, part);
  }
  if (canonical.empty()) return std::nullopt;
  return "layer." + std::string(base.substr(0, dot)) + "." + std::string(canonical);
}

}  // namespace

std::string canonical_hf_name(std::string_view name, std::string_view architecture) {
  const size_t dot = name.rfind('.');
  if (dot == std::string_view::npos) return std::string(name);
  const std::string_view kind = name.substr(dot + 1);
  if (kind != "weight" && kind != "bias") return std::string(name);
  const auto base = canonical_base(name.substr(0, dot), architecture == "gemma3");
  if (!base) return std::string(name);
  return kind == "bias" ? *base + ".bias" : *base;
}

}  // namespace trivet
