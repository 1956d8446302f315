#include "graph/passes/fuse_residual.h"

#include <utility>

#include "graph/passes/uses.h"

namespace trivet {
namespace {

bool takes_residual(const GraphNode& node) {
  if (const auto* linear = node.as<trivet_linear_params>()) return !linear->add_residual;
  if (const auto* norm = node.as<trivet_rms_norm_params>()) return !norm->add_residual;
  return false;
}

// Which input of the addition comes from a node that can add the other one: 0, 1, or -1. The later
// writer wins: the other value exists by then, and moving it over few nodes keeps lifetimes short.
int find_result_side(const Graph& graph, const Uses& uses, const GraphNode& add) {
  if (add.inputs[0] == add.inputs[1]) return -1;
  int side = -1, latest = -1;
  for (int i = 0; i < 2; ++i) {
    const ValueId value = add.inputs[static_cast<size_t>(i)];
    const int writer = uses.writer(value);
    if (!uses.read_once(value) || writer < latest) continue;
    if (!takes_residual(graph.nodes[static_cast<size_t>(writer)])) continue;
    side = i;
    latest = writer;
  }
  return side;
}

}  // namespace

void fuse_residual(Graph& graph) {
  NodeEraser eraser(graph);
  const Uses uses(graph);
  for (GraphNode& node : graph.nodes) {
    if (!node.as<AddParams>()) continue;
    const int side = find_result_side(graph, uses, node);
    if (side < 0) continue;
    const int writer = uses.writer(node.inputs[static_cast<size_t>(side)]);
    const ValueId residual = node.inputs[static_cast<size_t>(1 - side)];
    // The node moves to the place of the addition, where both inputs exist.
    GraphNode fused = graph.nodes[static_cast<size_t>(writer)];
    if (auto* linear = fused.as<trivet_linear_params>()) linear->add_residual = 1;
    if (auto* norm = fused.as<trivet_rms_norm_params>()) norm->add_residual = 1;
    fused.inputs.push_back(residual);
    fused.output = node.output;
    node = std::move(fused);
    eraser.erase(writer);
  }
  eraser.apply(graph);
}

}  // namespace trivet
