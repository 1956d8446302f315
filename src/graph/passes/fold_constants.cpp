#include "graph/passes/fold_constants.h"

#include <algorithm>
#include <vector>

#include "graph/passes/uses.h"

namespace trivet {
namespace {

void redirect_readers(Graph& graph, ValueId from, ValueId to) {
  for (GraphNode& node : graph.nodes) {
    std::replace(node.inputs.begin(), node.inputs.end(), from, to);
  }
  if (graph.output == from) graph.output = to;
}

bool is_identity(const GraphNode& node) {
  const auto* scale = node.as<trivet_scale_params>();
  return (scale && scale->factor == 1.0f) || (node.as<ConcatParams>() && node.inputs.size() == 1);
}

bool all_ones(const float* values, int32_t count) {
  return std::all_of(values, values + count, [](float value) { return value == 1.0f; });
}

// Puts `factor` into the node's parameters if its output then has the bits that a later product
// has.
bool absorb_factor(Graph& graph, GraphNode& node, float factor) {
  if (auto* embedding = node.as<trivet_embedding_params>(); embedding && embedding->scale == 1.0f) {
    embedding->scale = factor;
    return true;
  }
  auto* norm = node.as<trivet_rms_norm_params>();
  if (!norm || norm->add_residual) return false;
  const int32_t cols = graph.cols(node.output);
  if (!all_ones(norm->weight, cols)) return false;
  norm->weight = graph.add_constant(std::vector<float>(static_cast<size_t>(cols), factor));
  return true;
}

void remove_node(Graph& graph, size_t index) {
  const GraphNode& node = graph.nodes[index];
  redirect_readers(graph, node.output, node.inputs[0]);
  graph.nodes.erase(graph.nodes.begin() + static_cast<std::ptrdiff_t>(index));
}

// The first change that can be made; false if there is none. Uses are counted anew after each,
// because a removed node passes its readers on.
bool fold_one(Graph& graph) {
  const Uses uses(graph);
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    const GraphNode& node = graph.nodes[i];
    const auto* scale = node.as<trivet_scale_params>();
    bool folded = is_identity(node);
    if (!folded && scale && uses.read_once(node.inputs[0])) {
      GraphNode& writer = graph.nodes[static_cast<size_t>(uses.writer(node.inputs[0]))];
      folded = absorb_factor(graph, writer, scale->factor);
    }
    if (!folded) continue;
    remove_node(graph, i);
    return true;
  }
  return false;
}

}  // namespace

void fold_constants(Graph& graph) {
  while (fold_one(graph)) {
  }
}

}  // namespace trivet
