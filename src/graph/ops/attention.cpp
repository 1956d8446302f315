#include <fmt/format.h>

#include <cstring>

#include "graph/ops/op_rules.h"

namespace trivet {
namespace {

// The cache that the node names: the graph's block shape, an existing group, a layer inside its
// block.
Result<void> check_cache(const Graph& graph, const GraphNode& node, const trivet_kv_desc& kv,
                         int32_t group, int32_t layer) {
  if (std::memcmp(&kv, &graph.kv, sizeof(kv)) != 0) {
    return op_error(node, "its cache block differs from the graph's");
  }
  if (kv.num_kv_heads <= 0 || kv.head_dim <= 0) {
    return op_error(node,
                    fmt::format("a cache of {} heads of {} values", kv.num_kv_heads, kv.head_dim));
  }
  if (group < 0 || static_cast<size_t>(group) >= graph.kv_groups.size()) {
    return op_error(node, fmt::format("cache group {} does not exist, there are {}", group,
                                      graph.kv_groups.size()));
  }
  if (layer < 0 || layer >= kv.layers_per_group) {
    return op_error(node, fmt::format("cache layer {} is outside a block of {} layers", layer,
                                      kv.layers_per_group));
  }
  return {};
}

Result<void> check_fused(const Graph& graph, const GraphNode& node,
                         const trivet_attention_params& params) {
  const auto& kv = params.kv;
  const int64_t qkv_cols = (int64_t{params.num_heads} + 2 * int64_t{kv.num_kv_heads}) * kv.head_dim;
  if (graph.cols(node.inputs[0]) != qkv_cols) {
    return op_error(node, fmt::format("queries, keys and values have {} columns, needs {}",
                                      graph.cols(node.inputs[0]), qkv_cols));
  }
  if (graph.cols(node.inputs[1]) != params.rotary_dim || params.rotary_dim > kv.head_dim ||
      params.rotary_dim <= 0) {
    return op_error(node, fmt::format("its table has {} columns, rotary_dim is {}, head_dim {}",
                                      graph.cols(node.inputs[1]), params.rotary_dim, kv.head_dim));
  }
  if (params.query_norm) {
    TRIVET_RETURN_IF_ERROR(
        expect_constant(graph, node, params.query_norm, kv.head_dim, "query_norm"));
  }
  if (params.key_norm) {
    TRIVET_RETURN_IF_ERROR(expect_constant(graph, node, params.key_norm, kv.head_dim, "key_norm"));
  }
  return {};
}

}  // namespace

Result<OpShape> kv_write_shape(const Graph& graph, const GraphNode& node) {
  const auto& params = std::get<trivet_kv_write_params>(node.params);
  TRIVET_RETURN_IF_ERROR(expect_inputs(node, 1));
  TRIVET_RETURN_IF_ERROR(expect_weights(node, 0, 0));
  TRIVET_RETURN_IF_ERROR(check_cache(graph, node, params.kv, params.kv_group, params.kv_layer));
  const int64_t width = int64_t{params.kv.num_kv_heads} * params.kv.head_dim;
  const int32_t cols = graph.cols(node.inputs[0]);
  for (int32_t first : {params.key_col, params.value_col}) {
    if (first < 0 || first + width > cols) {
      return op_error(node,
                      fmt::format("{} columns from {} do not fit {} columns", width, first, cols));
    }
  }
  if (domain_of(graph, node.inputs[0]) != RowDomain::kTokens) {
    return op_error(node, "writes rows of tokens, its input has rows of outputs");
  }
  return OpShape{};
}

Result<OpShape> attention_shape(const Graph& graph, const GraphNode& node) {
  const auto& params = std::get<trivet_attention_params>(node.params);
  const auto& kv = params.kv;
  TRIVET_RETURN_IF_ERROR(expect_inputs(node, params.fused_rope_write ? 2 : 1));
  TRIVET_RETURN_IF_ERROR(expect_weights(node, 0, 0));
  TRIVET_RETURN_IF_ERROR(check_cache(graph, node, kv, params.kv_group, params.kv_layer));
  TRIVET_RETURN_IF_ERROR(expect_finite(node, params.scale, "scale"));
  TRIVET_RETURN_IF_ERROR(expect_finite(node, params.softcap, "softcap"));
  if (params.num_heads <= 0 || params.num_heads % kv.num_kv_heads != 0) {
    return op_error(node, fmt::format("{} query heads are no multiple of {} key/value heads",
                                      params.num_heads, kv.num_kv_heads));
  }
  const int32_t window = graph.kv_groups[static_cast<size_t>(params.kv_group)].window;
  if (params.window != window) {
    return op_error(node, fmt::format("window {} differs from the {} of its cache group",
                                      params.window, window));
  }
  const int64_t width = int64_t{params.num_heads} * kv.head_dim;
  if (graph.cols(node.inputs[0]) < width) {
    return op_error(node, fmt::format("its queries have {} columns, needs {}",
                                      graph.cols(node.inputs[0]), width));
  }
  if (params.fused_rope_write) TRIVET_RETURN_IF_ERROR(check_fused(graph, node, params));
  if (domain_of(graph, node.inputs[0]) != RowDomain::kTokens) {
    return op_error(node, "attends from rows of tokens, its input has rows of outputs");
  }
  return OpShape{static_cast<int32_t>(width), RowDomain::kTokens};
}

std::vector<OpAttribute> kv_write_attributes(const GraphNode& node) {
  const auto& params = std::get<trivet_kv_write_params>(node.params);
  return {{"key_col", fmt::to_string(params.key_col)},
          {"value_col", fmt::to_string(params.value_col)},
          {"cache", fmt::format("{}:{}", params.kv_group, params.kv_layer)}};
}

std::vector<OpAttribute> attention_attributes(const GraphNode& node) {
  const auto& params = std::get<trivet_attention_params>(node.params);
  std::vector<OpAttribute> attributes = {
      {"heads",
       fmt::format("{}/{}x{}", params.num_heads, params.kv.num_kv_heads, params.kv.head_dim)},
      {"scale", number_text(params.scale)}};
  if (params.window > 0) attributes.push_back({"window", fmt::to_string(params.window)});
  if (params.softcap > 0) attributes.push_back({"softcap", number_text(params.softcap)});
  if (params.fused_rope_write) {
    const bool norms = params.query_norm || params.key_norm;
    attributes.push_back({"fused", norms ? "head_norm+rope+kv_write" : "rope+kv_write"});
  }
  attributes.push_back({"cache", fmt::format("{}:{}", params.kv_group, params.kv_layer)});
  return attributes;
}

}  // namespace trivet
