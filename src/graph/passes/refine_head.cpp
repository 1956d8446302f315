#include "graph/passes/refine_head.h"

#include <algorithm>

#include "graph/ops/op_rules.h"
#include "graph/passes/uses.h"

namespace trivet {
namespace {

constexpr int64_t kColumnsOfKTypes = 256;  // in a block

bool is_k_type(const GraphWeight& weight) {
  return weight.usage == TRIVET_WEIGHT_LINEAR &&
         block_shape(weight.dtype).columns == kColumnsOfKTypes;
}

}  // namespace

void refine_head(Graph& graph) {
  if (std::any_of(graph.weights.begin(), graph.weights.end(), is_k_type)) return;
  const Uses uses(graph);
  ValueId value = graph.output;
  // Row-wise operations of one input may follow the head.
  for (int writer = uses.writer(value); writer >= 0; writer = uses.writer(value)) {
    GraphNode& node = graph.nodes[static_cast<size_t>(writer)];
    if (auto* linear = node.as<trivet_linear_params>()) {
      linear->fine_activations = 1;
      return;
    }
    const bool passes_on = op_rule(node.params).row_wise || node.as<GatherRowsParams>() != nullptr;
    if (!passes_on || node.inputs.size() != 1) return;
    value = node.inputs[0];
  }
}

}  // namespace trivet
