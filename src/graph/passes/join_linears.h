// Several linears of one input as one linear with several weights.
#ifndef TRIVET_GRAPH_PASSES_JOIN_LINEARS_H_
#define TRIVET_GRAPH_PASSES_JOIN_LINEARS_H_

#include <optional>
#include <vector>

#include "graph/graph.h"
#include "graph/passes/uses.h"

namespace trivet {

// Indices of the nodes whose outputs `concat` joins, if they are all linears without prologue and
// epilogue that read the same value, are read by `concat` alone, and all have a bias or none.
std::optional<std::vector<int>> joinable_linears(const Graph& graph, const Uses& uses,
                                                 const GraphNode& concat);

// Input, weights and concatenated biases of the joined linear; name, output and layer are the
// caller's.
GraphNode join_linears(Graph& graph, const std::vector<int>& linears);

}  // namespace trivet

#endif  // TRIVET_GRAPH_PASSES_JOIN_LINEARS_H_
