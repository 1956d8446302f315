#include <fmt/format.h>

#include "graph/ops/op_rules.h"

namespace trivet {

Result<OpShape> embedding_shape(const Graph& graph, const GraphNode& node) {
  const auto& params = std::get<trivet_embedding_params>(node.params);
  TRIVET_RETURN_IF_ERROR(expect_inputs(node, 0));
  TRIVET_RETURN_IF_ERROR(expect_weights(node, 1, 1));
  TRIVET_RETURN_IF_ERROR(expect_finite(node, params.scale, "scale"));
  const GraphWeight& table = graph.weights[static_cast<size_t>(node.weights[0])];
  if (table.usage != TRIVET_WEIGHT_EMBEDDING) {
    return op_error(node, fmt::format("weight \"{}\" is not stored for look-ups", table.name));
  }
  return OpShape{static_cast<int32_t>(table.cols), RowDomain::kTokens};
}

std::vector<OpAttribute> embedding_attributes(const GraphNode& node) {
  const auto& params = std::get<trivet_embedding_params>(node.params);
  if (params.scale == 1.0f) return {};
  return {{"scale", number_text(params.scale)}};
}

}  // namespace trivet
