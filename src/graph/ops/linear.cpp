#include <fmt/format.h>

#include <limits>

#include "graph/ops/op_rules.h"

namespace trivet {
namespace {

Result<int32_t> check_segments(const Graph& graph, const GraphNode& node, bool gated) {
  const int32_t cols = graph.cols(node.inputs[0]);
  int64_t total_rows = 0;
  for (WeightId id : node.weights) {
    const GraphWeight& weight = graph.weights[static_cast<size_t>(id)];
    if (weight.usage != TRIVET_WEIGHT_LINEAR) {
      return op_error(node, fmt::format("weight \"{}\" is stored for look-ups", weight.name));
    }
    if (weight.cols != cols) {
      return op_error(node, fmt::format("weight \"{}\" is {} x {}, its input has {} columns",
                                        weight.name, weight.rows, weight.cols, cols));
    }
    total_rows += weight.rows;
  }
  if (total_rows > std::numeric_limits<int32_t>::max()) {
    return op_error(node, fmt::format("{} output columns are too many", total_rows));
  }
  if (gated) {
    const auto& gate = graph.weights[static_cast<size_t>(node.weights[0])];
    const auto& up = graph.weights[static_cast<size_t>(node.weights[1])];
    if (gate.rows != up.rows) {
      return op_error(node, fmt::format("\"{}\" has {} rows, \"{}\" has {}: must be equal",
                                        gate.name, gate.rows, up.name, up.rows));
    }
  }
  return static_cast<int32_t>(total_rows);
}

}  // namespace

Result<OpShape> linear_shape(const Graph& graph, const GraphNode& node) {
  const auto& params = std::get<trivet_linear_params>(node.params);
  const bool gated = params.activation != TRIVET_ACT_NONE;
  TRIVET_RETURN_IF_ERROR(expect_inputs(node, params.add_residual ? 2 : 1));
  TRIVET_RETURN_IF_ERROR(expect_weights(node, gated ? 2 : 1, gated ? 2 : TRIVET_MAX_WEIGHTS));
  TRIVET_RETURN_IF_ERROR(expect_activation(node, params.activation, false));
  TRIVET_ASSIGN_OR_RETURN(const int32_t rows, check_segments(graph, node, gated));
  if (params.bias) {
    TRIVET_RETURN_IF_ERROR(expect_constant(graph, node, params.bias, rows, "bias"));
  }
  if (params.norm_weight) {
    TRIVET_RETURN_IF_ERROR(expect_constant(graph, node, params.norm_weight,
                                           graph.cols(node.inputs[0]), "norm_weight"));
    TRIVET_RETURN_IF_ERROR(expect_finite(node, params.norm_eps, "norm_eps"));
  }
  const OpShape shape{gated ? rows / 2 : rows, domain_of(graph, node.inputs[0])};
  if (params.add_residual) {
    const GraphValue& residual = graph.values[static_cast<size_t>(node.inputs[1])];
    if (residual.cols != shape.cols || residual.domain != shape.domain) {
      return op_error(node, fmt::format("residual \"{}\" has {} columns, the result {}",
                                        residual.name, residual.cols, shape.cols));
    }
  }
  return shape;
}

std::vector<OpAttribute> linear_attributes(const GraphNode& node) {
  const auto& params = std::get<trivet_linear_params>(node.params);
  std::vector<OpAttribute> attributes;
  if (params.norm_weight) attributes.push_back({"rms_norm", number_text(params.norm_eps)});
  if (params.bias) attributes.push_back({"bias", "yes"});
  if (params.activation != TRIVET_ACT_NONE) {
    attributes.push_back({"activation", std::string(activation_name(params.activation))});
  }
  if (params.add_residual) attributes.push_back({"add_residual", "yes"});
  return attributes;
}

}  // namespace trivet
