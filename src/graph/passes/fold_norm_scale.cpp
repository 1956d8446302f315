#include "graph/passes/fold_norm_scale.h"

#include <algorithm>
#include <vector>

#include "graph/passes/uses.h"

namespace trivet {
namespace {

std::vector<int> count_weight_readers(const Graph& graph) {
  std::vector<int> readers(graph.weights.size(), 0);
  for (const GraphNode& node : graph.nodes) {
    for (WeightId weight : node.weights) ++readers[static_cast<size_t>(weight)];
  }
  return readers;
}

bool takes_column_scale(const Graph& graph, const GraphNode& node, ValueId input,
                        const std::vector<int>& weight_readers) {
  const auto* linear = node.as<trivet_linear_params>();
  if (!linear || linear->norm_weight || node.inputs[0] != input) return false;
  if (linear->add_residual && node.inputs[1] == input) return false;
  return std::all_of(node.weights.begin(), node.weights.end(), [&](WeightId id) {
    const GraphWeight& weight = graph.weights[static_cast<size_t>(id)];
    return weight.dtype == DType::kF32 && !weight.column_scale &&
           weight_readers[static_cast<size_t>(id)] == 1;
  });
}

}  // namespace

void fold_norm_scale(Graph& graph) {
  const Uses uses(graph);
  const std::vector<int> weight_readers = count_weight_readers(graph);
  for (GraphNode& node : graph.nodes) {
    auto* norm = node.as<trivet_rms_norm_params>();
    if (!norm || norm->add_residual || uses.is_graph_output(node.output)) continue;
    const auto readers = uses.readers(node.output);
    const bool all_take = std::all_of(readers.begin(), readers.end(), [&](int reader) {
      return takes_column_scale(graph, graph.nodes[static_cast<size_t>(reader)], node.output,
                                weight_readers);
    });
    if (!all_take) continue;
    for (int reader : readers) {
      for (WeightId weight : graph.nodes[static_cast<size_t>(reader)].weights) {
        graph.weights[static_cast<size_t>(weight)].column_scale = norm->weight;
      }
    }
    norm->weight =
        graph.add_constant(std::vector<float>(static_cast<size_t>(graph.cols(node.output)), 1.0f));
  }
}

}  // namespace trivet
