#include "graph/passes/refine_down_projection.h"

#include "graph/passes/uses.h"

namespace trivet {
namespace {

bool is_gated_activation(const GraphNode& node) {
  const auto* linear = node.as<trivet_linear_params>();
  return node.as<trivet_gated_activation_params>() != nullptr ||
         (linear != nullptr && linear->activation != TRIVET_ACT_NONE);
}

}  // namespace

void refine_down_projection(Graph& graph) {
  const Uses uses(graph);
  for (GraphNode& node : graph.nodes) {
    auto* linear = node.as<trivet_linear_params>();
    if (linear == nullptr) continue;
    const int writer = uses.writer(node.inputs[0]);
    if (writer >= 0 && is_gated_activation(graph.nodes[static_cast<size_t>(writer)])) {
      linear->fine_activations = 1;
    }
  }
}

}  // namespace trivet
