#include <fmt/format.h>

#include "graph/ops/op_rules.h"

namespace trivet {
namespace {

Result<void> check_heads(const Graph& graph, const GraphNode& node, int32_t first_col,
                         int32_t num_heads, int32_t head_dim) {
  const int32_t cols = graph.cols(node.inputs[0]);
  const bool positive = first_col >= 0 && num_heads > 0 && head_dim > 0;
  const int64_t end = int64_t{first_col} + int64_t{num_heads} * head_dim;
  if (positive && end <= cols) return {};
  return op_error(node, fmt::format("{} heads of {} values from column {} do not fit {} columns",
                                    num_heads, head_dim, first_col, cols));
}

std::string_view style_name(uint32_t style) {
  return style == TRIVET_ROPE_HALF ? "half" : "interleaved";
}

}  // namespace

Result<OpShape> rope_table_shape(const Graph& graph, const GraphNode& node) {
  const auto& params = std::get<trivet_rope_table_params>(node.params);
  TRIVET_RETURN_IF_ERROR(expect_inputs(node, 0));
  TRIVET_RETURN_IF_ERROR(expect_weights(node, 0, 0));
  if (params.rotary_dim <= 0 || params.rotary_dim % 2 != 0) {
    return op_error(node,
                    fmt::format("rotary_dim {} must be even and positive", params.rotary_dim));
  }
  TRIVET_RETURN_IF_ERROR(
      expect_constant(graph, node, params.inv_freq, params.rotary_dim / 2, "inv_freq"));
  TRIVET_RETURN_IF_ERROR(expect_finite(node, params.magnitude, "magnitude"));
  return OpShape{params.rotary_dim, RowDomain::kTokens};
}

Result<OpShape> head_norm_shape(const Graph& graph, const GraphNode& node) {
  const auto& params = std::get<trivet_head_norm_params>(node.params);
  TRIVET_RETURN_IF_ERROR(expect_inputs(node, 1));
  TRIVET_RETURN_IF_ERROR(expect_weights(node, 0, 0));
  TRIVET_RETURN_IF_ERROR(
      check_heads(graph, node, params.first_col, params.num_heads, params.head_dim));
  TRIVET_RETURN_IF_ERROR(expect_constant(graph, node, params.weight, params.head_dim, "weight"));
  TRIVET_RETURN_IF_ERROR(expect_finite(node, params.eps, "eps"));
  return OpShape{graph.cols(node.inputs[0]), domain_of(graph, node.inputs[0])};
}

Result<OpShape> rope_shape(const Graph& graph, const GraphNode& node) {
  const auto& params = std::get<trivet_rope_params>(node.params);
  TRIVET_RETURN_IF_ERROR(expect_inputs(node, 2));
  TRIVET_RETURN_IF_ERROR(expect_weights(node, 0, 0));
  TRIVET_RETURN_IF_ERROR(
      check_heads(graph, node, params.first_col, params.num_heads, params.head_dim));
  if (params.rotary_dim <= 0 || params.rotary_dim % 2 != 0 || params.rotary_dim > params.head_dim) {
    return op_error(node, fmt::format("rotary_dim {} must be even and at most head_dim {}",
                                      params.rotary_dim, params.head_dim));
  }
  if (graph.cols(node.inputs[1]) != params.rotary_dim) {
    return op_error(node, fmt::format("its table has {} columns, rotary_dim is {}",
                                      graph.cols(node.inputs[1]), params.rotary_dim));
  }
  if (params.style > TRIVET_ROPE_INTERLEAVED) {
    return op_error(node, fmt::format("rope style {} does not exist", params.style));
  }
  return OpShape{graph.cols(node.inputs[0]), domain_of(graph, node.inputs[0])};
}

std::vector<OpAttribute> rope_table_attributes(const GraphNode& node) {
  const auto& params = std::get<trivet_rope_table_params>(node.params);
  std::vector<OpAttribute> attributes = {{"rotary_dim", fmt::to_string(params.rotary_dim)}};
  if (params.magnitude != 1.0f) attributes.push_back({"magnitude", number_text(params.magnitude)});
  return attributes;
}

std::vector<OpAttribute> head_norm_attributes(const GraphNode& node) {
  const auto& params = std::get<trivet_head_norm_params>(node.params);
  return {{"first_col", fmt::to_string(params.first_col)},
          {"heads", fmt::format("{}x{}", params.num_heads, params.head_dim)},
          {"eps", number_text(params.eps)}};
}

std::vector<OpAttribute> rope_attributes(const GraphNode& node) {
  const auto& params = std::get<trivet_rope_params>(node.params);
  return {{"first_col", fmt::to_string(params.first_col)},
          {"heads", fmt::format("{}x{}", params.num_heads, params.head_dim)},
          {"rotary_dim", fmt::to_string(params.rotary_dim)},
          {"style", std::string(style_name(params.style))}};
}

}  // namespace trivet
