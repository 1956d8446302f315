#include "program/workspace.h"

#include <algorithm>

namespace trivet {
namespace {

uint64_t linear_bound(const Graph& graph, const GraphNode& node, const trivet_limits& limits,
                      int32_t threads) {
  const bool head = graph.values[static_cast<size_t>(node.output)].domain == RowDomain::kOutputs;
  const auto rows = static_cast<uint64_t>(head ? limits.max_output_rows : limits.max_rows);
  const auto cols = static_cast<uint64_t>(graph.cols(node.inputs[0]));
  const auto out_cols = static_cast<uint64_t>(graph.cols(node.output));
  const auto num_threads = static_cast<uint64_t>(std::max(threads, 1));
  uint64_t bytes = rows * cols * 8;
  if (node.as<trivet_linear_params>()->activation != TRIVET_ACT_NONE) bytes += rows * out_cols * 8;
  return bytes + num_threads * (64 * cols * 4 + 64 * rows * 8 + (64 << 10));
}

}  // namespace

Result<uint64_t> estimate_workspace(const PlacedGraph& placed, DevicePair& devices,
                                    const trivet_limits& limits) {
  uint64_t most = 0;
  for (size_t i = 0; i < placed.graph.nodes.size(); ++i) {
    const GraphNode& node = placed.graph.nodes[i];
    if (placed.places[i] == Place::kHost) continue;
    Device& device = devices.at(placed.places[i]);
    if (node.as<trivet_linear_params>()) {
      most = std::max(most, linear_bound(placed.graph, node, limits, device.info().num_threads));
    } else if (node.weights.empty()) {
      TRIVET_ASSIGN_OR_RETURN(const OpHandle op,
                              create_op(device, describe_node(placed.graph, node), limits));
      most = std::max(most, device.table().op_workspace_bytes(op.get()));
    }
  }
  return most;
}

}  // namespace trivet
