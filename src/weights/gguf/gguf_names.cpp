#include <algorithm>
#include <array>
#include <charconv>

#include "weights/gguf/gguf_config.h"
#include "weights/tensor_names.h"

namespace trivet {
namespace {

constexpr std::array<NamePair, 4> kOutsideLayers = {{
    {"token_embd", "token_embedding"},
    {"output_norm", "output_norm"},
    {"output", "output"},
    {"rope_freqs", "rope_factors"},
}};

constexpr std::array<NamePair, 13> kGgufInLayer = {{
    {"attn_norm", "attn_norm"},
    {"attn_q", "attn_q"},
    {"attn_k", "attn_k"},
    {"attn_v", "attn_v"},
    {"attn_output", "attn_output"},
    {"attn_q_norm", "attn_q_norm"},
    {"attn_k_norm", "attn_k_norm"},
    {"post_attention_norm", "attn_post_norm"},
    {"ffn_norm", "ffn_norm"},
    {"ffn_gate", "ffn_gate"},
    {"ffn_up", "ffn_up"},
    {"ffn_down", "ffn_down"},
    {"post_ffw_norm", "ffn_post_norm"},
}};

}  // namespace

std::string canonical_gguf_name(std::string_view name) {
  const size_t dot = name.rfind('.');
  if (dot == std::string_view::npos) return std::string(name);
  const std::string_view base = name.substr(0, dot), kind = name.substr(dot + 1);
  if (kind != "weight" && kind != "bias") return std::string(name);
  std::string canonical;
  if (base.starts_with("blk.")) {
    const std::string_view rest = base.substr(4);
    const size_t part = rest.find('.');
    if (part == std::string_view::npos || !is_layer_number(rest.substr(0, part))) {
      return std::string(name);
    }
    const std::string_view in_layer = find_name(kGgufInLayer, rest.substr(part + 1));
    if (in_layer.empty()) return std::string(name);
    canonical.append("layer.").append(rest.substr(0, part)).append(".").append(in_layer);
  } else {
    canonical = find_name(kOutsideLayers, base);
    if (canonical.empty()) return std::string(name);
  }
  return kind == "bias" ? canonical + ".bias" : canonical;
}

}  // namespace trivet
