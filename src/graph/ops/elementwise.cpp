#include <fmt/format.h>

#include "graph/ops/op_rules.h"

namespace trivet {
namespace {

Result<OpShape> same_as_input(const Graph& graph, const GraphNode& node, size_t num_inputs) {
  TRIVET_RETURN_IF_ERROR(expect_inputs(node, num_inputs));
  TRIVET_RETURN_IF_ERROR(expect_weights(node, 0, 0));
  return OpShape{graph.cols(node.inputs[0]), domain_of(graph, node.inputs[0])};
}

}  // namespace

Result<OpShape> gated_activation_shape(const Graph& graph, const GraphNode& node) {
  const auto& params = std::get<trivet_gated_activation_params>(node.params);
  TRIVET_RETURN_IF_ERROR(expect_activation(node, params.activation, true));
  TRIVET_ASSIGN_OR_RETURN(OpShape shape, same_as_input(graph, node, 1));
  if (shape.cols % 2 != 0) {
    return op_error(node, fmt::format("{} columns are no pair of halves", shape.cols));
  }
  shape.cols /= 2;
  return shape;
}

Result<OpShape> add_shape(const Graph& graph, const GraphNode& node) {
  TRIVET_ASSIGN_OR_RETURN(const OpShape shape, same_as_input(graph, node, 2));
  TRIVET_RETURN_IF_ERROR(expect_equal_cols(graph, node, node.inputs[0], node.inputs[1]));
  return shape;
}

Result<OpShape> scale_shape(const Graph& graph, const GraphNode& node) {
  const auto& params = std::get<trivet_scale_params>(node.params);
  TRIVET_RETURN_IF_ERROR(expect_finite(node, params.factor, "factor"));
  return same_as_input(graph, node, 1);
}

Result<OpShape> softcap_shape(const Graph& graph, const GraphNode& node) {
  const auto& params = std::get<trivet_softcap_params>(node.params);
  TRIVET_RETURN_IF_ERROR(expect_finite(node, params.cap, "cap"));
  if (params.cap <= 0) return op_error(node, fmt::format("cap {} must be positive", params.cap));
  return same_as_input(graph, node, 1);
}

std::vector<OpAttribute> gated_activation_attributes(const GraphNode& node) {
  const auto& params = std::get<trivet_gated_activation_params>(node.params);
  return {{"activation", std::string(activation_name(params.activation))}};
}

std::vector<OpAttribute> scale_attributes(const GraphNode& node) {
  return {{"factor", number_text(std::get<trivet_scale_params>(node.params).factor)}};
}

std::vector<OpAttribute> softcap_attributes(const GraphNode& node) {
  return {{"cap", number_text(std::get<trivet_softcap_params>(node.params).cap)}};
}

}  // namespace trivet
