#include "graph/passes/fuse_norm_linear.h"

#include <algorithm>

#include "graph/passes/uses.h"

namespace trivet {
namespace {

bool takes_prologue(const GraphNode& node, ValueId input) {
  const auto* linear = node.as<trivet_linear_params>();
  if (!linear || linear->norm_weight || node.inputs[0] != input) return false;
  return !linear->add_residual || node.inputs[1] != input;
}

}  // namespace

void fuse_norm_linear(Graph& graph) {
  const Uses uses(graph);
  NodeEraser eraser(graph);
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    const GraphNode& node = graph.nodes[i];
    const auto* norm = node.as<trivet_rms_norm_params>();
    if (!norm || norm->add_residual || uses.is_graph_output(node.output)) continue;
    const auto readers = uses.readers(node.output);
    const bool all_take = std::all_of(readers.begin(), readers.end(), [&](int reader) {
      return takes_prologue(graph.nodes[static_cast<size_t>(reader)], node.output);
    });
    if (!all_take) continue;
    for (int reader : readers) {
      GraphNode& linear = graph.nodes[static_cast<size_t>(reader)];
      linear.as<trivet_linear_params>()->norm_weight = norm->weight;
      linear.as<trivet_linear_params>()->norm_eps = norm->eps;
      linear.inputs[0] = node.inputs[0];
    }
    eraser.erase(static_cast<int>(i));
  }
  eraser.apply(graph);
}

}  // namespace trivet
