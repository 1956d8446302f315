#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "weights/gguf/gguf_config.h"

namespace trivet {
namespace {

using Pair = std::pair<std::string_view, std::string_view>;

constexpr std::array<Pair, 4> kOutsideLayers = {{
    {"token_embd", "token_embedding"},
    {"output_norm", "output_norm"},
    {"output", "output"},
    {"rope_freqs", "rope_factors"},
}};

constexpr std::array<Pair, 13> kInLayer = {{
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

template <size_t N>
std::string_view look_up(const std::array<Pair, N>& table, std::string_view name) {
  const auto found = std::ranges::find(table, name, &Pair::first);
  return found == table.end() ? std::string_view() : found->second;
}

// Only the shortest form of the number: "blk.07" must not become the same name as "blk.7".
bool is_plain_number(std::string_view text) {
  const bool digits = std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
  return digits && !text.empty() && text.size() <= 5 && (text.size() == 1 || text[0] != '0');
}

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
    if (part == std::string_view::npos || !is_plain_number(rest.substr(0, part))) {
      return std::string(name);
    }
    const std::string_view in_layer = look_up(kInLayer, rest.substr(part + 1));
    if (in_layer.empty()) return std::string(name);
    canonical.append("layer.").append(rest.substr(0, part)).append(".").append(in_layer);
  } else {
    canonical = look_up(kOutsideLayers, base);
    if (canonical.empty()) return std::string(name);
  }
  return kind == "bias" ? canonical + ".bias" : canonical;
}

}  // namespace trivet
