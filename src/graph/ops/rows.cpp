#include <fmt/format.h>

#include <limits>

#include "graph/ops/op_rules.h"

namespace trivet {

Result<OpShape> gather_rows_shape(const Graph& graph, const GraphNode& node) {
  TRIVET_RETURN_IF_ERROR(expect_inputs(node, 1));
  TRIVET_RETURN_IF_ERROR(expect_weights(node, 0, 0));
  if (domain_of(graph, node.inputs[0]) != RowDomain::kTokens) {
    return op_error(node, "its input already has one row per output");
  }
  return OpShape{graph.cols(node.inputs[0]), RowDomain::kOutputs};
}

Result<OpShape> concat_shape(const Graph& graph, const GraphNode& node) {
  TRIVET_RETURN_IF_ERROR(expect_weights(node, 0, 0));
  if (node.inputs.empty() || node.inputs.size() > TRIVET_MAX_INPUTS) {
    return op_error(
        node, fmt::format("has {} inputs, takes 1 to {}", node.inputs.size(), TRIVET_MAX_INPUTS));
  }
  int64_t cols = 0;
  for (ValueId input : node.inputs) {
    if (domain_of(graph, input) != domain_of(graph, node.inputs[0])) {
      return op_error(node, "one input has a row per token, another a row per output");
    }
    cols += graph.cols(input);
  }
  if (cols > std::numeric_limits<int32_t>::max()) {
    return op_error(node, fmt::format("{} columns are too many", cols));
  }
  return OpShape{static_cast<int32_t>(cols), domain_of(graph, node.inputs[0])};
}

}  // namespace trivet
