#include "graph/passes/last_token_head.h"

#include <utility>

#include "graph/ops/op_rules.h"
#include "graph/passes/uses.h"

namespace trivet {
namespace {

// gather(f(x)) -> f(gather(x)); the two nodes trade places.
bool move_up_once(Graph& graph, size_t gather) {
  const Uses uses(graph);
  const ValueId result = graph.nodes[gather].inputs[0];
  if (!uses.read_once(result)) return false;
  const auto before = static_cast<size_t>(uses.writer(result));
  if (!op_rule(graph.nodes[before].params).row_wise || graph.nodes[before].inputs.size() != 1) {
    return false;
  }
  const ValueId source = graph.nodes[before].inputs[0];
  const auto gathered = static_cast<ValueId>(graph.values.size());
  graph.values.push_back({graph.nodes[gather].name, graph.cols(source), RowDomain::kOutputs});
  std::swap(graph.nodes[before], graph.nodes[gather]);
  GraphNode& new_gather = graph.nodes[before];
  GraphNode& moved = graph.nodes[gather];
  moved.output = new_gather.output;
  moved.inputs = {gathered};
  new_gather.inputs = {source};
  new_gather.output = gathered;
  return true;
}

}  // namespace

void last_token_head(Graph& graph) {
  bool moved = true;
  while (moved) {
    moved = false;
    for (size_t i = 0; i < graph.nodes.size(); ++i) {
      if (graph.nodes[i].as<GatherRowsParams>() && move_up_once(graph, i)) moved = true;
    }
  }
}

}  // namespace trivet
