#include "graph/passes/join_linears.h"

#include <utility>

namespace trivet {
namespace {

bool is_plain(const trivet_linear_params& params) {
  return !params.norm_weight && params.activation == TRIVET_ACT_NONE && !params.add_residual;
}

}  // namespace

std::optional<std::vector<int>> joinable_linears(const Graph& graph, const Uses& uses,
                                                 const GraphNode& concat) {
  std::vector<int> linears;
  const GraphNode* first = nullptr;
  size_t num_weights = 0;
  for (ValueId part : concat.inputs) {
    if (!uses.read_once(part)) return std::nullopt;
    const int index = uses.writer(part);
    const GraphNode& node = graph.nodes[static_cast<size_t>(index)];
    const auto* params = node.as<trivet_linear_params>();
    if (!params || !is_plain(*params)) return std::nullopt;
    if (!first) first = &node;
    const bool first_has_bias = first->as<trivet_linear_params>()->bias != nullptr;
    if (node.inputs != first->inputs || (params->bias != nullptr) != first_has_bias) {
      return std::nullopt;
    }
    num_weights += node.weights.size();
    linears.push_back(index);
  }
  if (num_weights > TRIVET_MAX_WEIGHTS) return std::nullopt;
  return linears;
}

GraphNode join_linears(Graph& graph, const std::vector<int>& linears) {
  auto params = make_params<trivet_linear_params>();
  GraphNode joined;
  std::vector<float> bias;
  for (int index : linears) {
    const GraphNode& node = graph.nodes[static_cast<size_t>(index)];
    joined.inputs = node.inputs;
    joined.weights.insert(joined.weights.end(), node.weights.begin(), node.weights.end());
    if (const float* part = node.as<trivet_linear_params>()->bias) {
      bias.insert(bias.end(), part, part + graph.cols(node.output));
    }
  }
  if (!bias.empty()) params.bias = graph.add_constant(std::move(bias));
  joined.params = params;
  return joined;
}

}  // namespace trivet
