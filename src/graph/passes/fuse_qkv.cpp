#include "graph/passes/fuse_qkv.h"

#include <utility>

#include "graph/passes/join_linears.h"
#include "graph/passes/uses.h"

namespace trivet {

void fuse_qkv(Graph& graph) {
  const Uses uses(graph);
  NodeEraser eraser(graph);
  for (GraphNode& node : graph.nodes) {
    if (!node.as<ConcatParams>() || node.inputs.size() != 3) continue;
    const auto linears = joinable_linears(graph, uses, node);
    if (!linears) continue;
    GraphNode joined = join_linears(graph, *linears);
    node.params = joined.params;
    node.inputs = std::move(joined.inputs);
    node.weights = std::move(joined.weights);
    for (int linear : *linears) eraser.erase(linear);
  }
  eraser.apply(graph);
}

}  // namespace trivet
