#include <fmt/format.h>

#include "graph/ops/op_rules.h"

namespace trivet {

Result<OpShape> rms_norm_shape(const Graph& graph, const GraphNode& node) {
  const auto& params = std::get<trivet_rms_norm_params>(node.params);
  TRIVET_RETURN_IF_ERROR(expect_inputs(node, params.add_residual ? 2 : 1));
  TRIVET_RETURN_IF_ERROR(expect_weights(node, 0, 0));
  const int32_t cols = graph.cols(node.inputs[0]);
  TRIVET_RETURN_IF_ERROR(expect_constant(graph, node, params.weight, cols, "weight"));
  TRIVET_RETURN_IF_ERROR(expect_finite(node, params.eps, "eps"));
  if (params.add_residual) {
    TRIVET_RETURN_IF_ERROR(expect_equal_cols(graph, node, node.inputs[0], node.inputs[1]));
  }
  return OpShape{cols, domain_of(graph, node.inputs[0])};
}

std::vector<OpAttribute> rms_norm_attributes(const GraphNode& node) {
  const auto& params = std::get<trivet_rms_norm_params>(node.params);
  std::vector<OpAttribute> attributes = {{"eps", number_text(params.eps)}};
  if (params.add_residual) attributes.push_back({"add_residual", "yes"});
  return attributes;
}

}  // namespace trivet
