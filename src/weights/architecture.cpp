#include "weights/architecture.h"

#include <charconv>
#include <cmath>
#include <optional>

namespace trivet {
namespace {

constexpr int kMaxWidth = 1 << 20;
constexpr int kMaxLayers = 4096;
constexpr int kMaxVocabulary = 1 << 24;

Error wrong(std::string_view file, std::string_view field, const std::string& problem) {
  return Error(ErrorCode::kDataLoss,
               std::string(file) + ": " + std::string(field) + ": " + problem);
}

Result<void> check_range(std::string_view file, std::string_view field, int value, int max) {
  if (value >= 1 && value <= max) return {};
  return wrong(file, field,
               value == 0 ? "is missing or 0"
                          : std::to_string(value) + " is not from 1 to " + std::to_string(max));
}

Result<void> check_rope(const RopeConfig& rope, int head_dim, std::string_view file) {
  if (rope.rotary_dim < 2 || rope.rotary_dim % 2 != 0 || rope.rotary_dim > head_dim) {
    return wrong(file, "rope dimensions",
                 std::to_string(rope.rotary_dim) + " is not even and at most the head size " +
                     std::to_string(head_dim));
  }
  if (!(rope.theta > 0) || !std::isfinite(rope.theta)) {
    return wrong(file, "rope base", std::to_string(rope.theta) + " is not a positive number");
  }
  if (rope.scaling != RopeScaling::kNone && (!(rope.factor > 0) || !std::isfinite(rope.factor))) {
    return wrong(file, "rope scaling factor",
                 std::to_string(rope.factor) + " is not a positive number");
  }
  const bool needs_context =
      rope.scaling == RopeScaling::kLlama3 || rope.scaling == RopeScaling::kYarn;
  if (needs_context && rope.original_context < 1) {
    return wrong(file, "rope scaling", "lacks the original context length");
  }
  return {};
}

struct Shape {
  int64_t rows, cols;
};

// Expected shape of a weight by the last part of its name; nothing for names without a rule.
std::optional<Shape> shape_in_layer(const ModelConfig& c, std::string_view part) {
  const int64_t hidden = c.hidden_size, inner = c.intermediate_size;
  const int64_t queries = int64_t{c.num_heads} * c.head_dim;
  const int64_t keys = int64_t{c.num_kv_heads} * c.head_dim;
  if (part == "attn_q") return Shape{queries, hidden};
  if (part == "attn_k" || part == "attn_v") return Shape{keys, hidden};
  if (part == "attn_output") return Shape{hidden, queries};
  if (part == "attn_q_norm" || part == "attn_k_norm") return Shape{1, c.head_dim};
  if (part == "attn_norm" || part == "ffn_norm" || part == "attn_post_norm" ||
      part == "ffn_post_norm") {
    return Shape{1, hidden};
  }
  if (part == "ffn_gate" || part == "ffn_up") return Shape{inner, hidden};
  if (part == "ffn_down") return Shape{hidden, inner};
  return std::nullopt;
}

std::optional<Shape> shape_outside_layers(const ModelConfig& c, std::string_view name) {
  if (name == "token_embedding" || name == "output") return Shape{c.vocab_size, c.hidden_size};
  if (name == "output_norm") return Shape{1, c.hidden_size};
  if (name == "rope_factors") return Shape{1, c.rope.rotary_dim / 2};
  return std::nullopt;
}

struct LayerName {
  int layer;
  std::string_view part;
};

// "layer.12.attn_q" -> 12, "attn_q".
std::optional<LayerName> split_layer_name(std::string_view name) {
  constexpr std::string_view kPrefix = "layer.";
  if (!name.starts_with(kPrefix)) return std::nullopt;
  name.remove_prefix(kPrefix.size());
  int layer = 0;
  const auto [end, status] = std::from_chars(name.data(), name.data() + name.size(), layer);
  if (status != std::errc() || end == name.data() + name.size() || *end != '.') return std::nullopt;
  return LayerName{layer, name.substr(static_cast<size_t>(end - name.data()) + 1)};
}

}  // namespace

std::vector<bool> every_nth_layer_is_global(int num_layers, int period) {
  std::vector<bool> has_window(static_cast<size_t>(num_layers));
  for (int i = 0; i < num_layers; ++i) {
    has_window[static_cast<size_t>(i)] = period == 0 || (i + 1) % period != 0;
  }
  return has_window;
}

Result<void> check_config(const ModelConfig& c, std::string_view file) {
  TRIVET_RETURN_IF_ERROR(check_range(file, "hidden size", c.hidden_size, kMaxWidth));
  TRIVET_RETURN_IF_ERROR(check_range(file, "intermediate size", c.intermediate_size, kMaxWidth));
  TRIVET_RETURN_IF_ERROR(check_range(file, "number of layers", c.num_layers, kMaxLayers));
  TRIVET_RETURN_IF_ERROR(check_range(file, "number of heads", c.num_heads, 1 << 14));
  TRIVET_RETURN_IF_ERROR(check_range(file, "number of key/value heads", c.num_kv_heads, 1 << 14));
  TRIVET_RETURN_IF_ERROR(check_range(file, "head size", c.head_dim, 1 << 14));
  TRIVET_RETURN_IF_ERROR(check_range(file, "vocabulary size", c.vocab_size, kMaxVocabulary));
  TRIVET_RETURN_IF_ERROR(check_range(file, "context length", c.context_length, 1 << 30));
  if (c.num_heads % c.num_kv_heads != 0) {
    return wrong(file, "number of heads",
                 std::to_string(c.num_heads) + " is not a multiple of the key/value heads " +
                     std::to_string(c.num_kv_heads));
  }
  if (!(c.norm_eps > 0) || !std::isfinite(c.norm_eps)) {
    return wrong(file, "norm epsilon", "is not a positive number");
  }
  if (!c.layer_has_window.empty() &&
      c.layer_has_window.size() != static_cast<size_t>(c.num_layers)) {
    return wrong(file, "window pattern",
                 "names " + std::to_string(c.layer_has_window.size()) + " layers of " +
                     std::to_string(c.num_layers));
  }
  TRIVET_RETURN_IF_ERROR(check_rope(c.rope, c.head_dim, file));
  if (c.local_rope) TRIVET_RETURN_IF_ERROR(check_rope(*c.local_rope, c.head_dim, file));
  return {};
}

Result<void> check_shapes(const ModelConfig& config, std::span<const TensorView> tensors,
                          std::string_view file) {
  for (const TensorView& tensor : tensors) {
    std::string_view name = tensor.name;
    const bool bias = name.ends_with(".bias");
    if (bias) name.remove_suffix(5);
    const auto layer = split_layer_name(name);
    if (layer && layer->layer >= config.num_layers) {
      return wrong(file, "tensor \"" + tensor.file_name + "\"",
                   "belongs to layer " + std::to_string(layer->layer) + " of a model of " +
                       std::to_string(config.num_layers) + " layers");
    }
    auto shape = layer ? shape_in_layer(config, layer->part) : shape_outside_layers(config, name);
    if (!shape) continue;
    if (bias) shape = Shape{1, shape->rows};
    if (tensor.rows != shape->rows || tensor.cols != shape->cols) {
      return wrong(file, "tensor \"" + tensor.file_name + "\"",
                   "has the shape [" + std::to_string(tensor.rows) + ", " +
                       std::to_string(tensor.cols) + "]; the configuration needs [" +
                       std::to_string(shape->rows) + ", " + std::to_string(shape->cols) + "]");
    }
  }
  return {};
}

}  // namespace trivet
