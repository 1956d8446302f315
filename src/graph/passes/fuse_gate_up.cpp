#include "graph/passes/fuse_gate_up.h"

#include <utility>

#include "graph/passes/join_linears.h"
#include "graph/passes/uses.h"

namespace trivet {
namespace {

// The CONCAT of two single-weight parts that only this activation reads, or -1.
int find_pair(const Graph& graph, const Uses& uses, const GraphNode& activation) {
  if (!uses.read_once(activation.inputs[0])) return -1;
  const int index = uses.writer(activation.inputs[0]);
  const GraphNode& pair = graph.nodes[static_cast<size_t>(index)];
  if (!pair.as<ConcatParams>() || pair.inputs.size() != 2) return -1;
  return graph.cols(pair.inputs[0]) == graph.cols(pair.inputs[1]) ? index : -1;
}

}  // namespace

void fuse_gate_up(Graph& graph) {
  const Uses uses(graph);
  NodeEraser eraser(graph);
  for (GraphNode& node : graph.nodes) {
    const auto* gated = node.as<trivet_gated_activation_params>();
    if (!gated) continue;
    const int pair = find_pair(graph, uses, node);
    if (pair < 0) continue;
    const auto linears = joinable_linears(graph, uses, graph.nodes[static_cast<size_t>(pair)]);
    if (!linears) continue;
    GraphNode joined = join_linears(graph, *linears);
    if (joined.weights.size() != 2) continue;
    joined.as<trivet_linear_params>()->activation = gated->activation;
    node.params = joined.params;
    node.inputs = std::move(joined.inputs);
    node.weights = std::move(joined.weights);
    eraser.erase(pair);
    for (int linear : *linears) eraser.erase(linear);
  }
  eraser.apply(graph);
}

}  // namespace trivet
