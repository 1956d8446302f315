#include <fmt/format.h>

#include <limits>
#include <set>
#include <utility>

#include "graph/graph.h"
#include "graph/ops/op_rules.h"

namespace trivet {
namespace {

Error graph_error(const std::string& what) {
  return Error(ErrorCode::kInvalidArgument, "graph: " + what);
}

Result<void> check_kv(const Graph& graph) {
  if (graph.kv.size == 0) {
    if (graph.kv_groups.empty()) return {};
    return graph_error("has cache groups, but no shape of a cache block");
  }
  const trivet_kv_desc& kv = graph.kv;
  const bool positive = kv.layers_per_group > 0 && kv.num_kv_heads > 0 && kv.head_dim > 0;
  if (!positive || kv.block_tokens <= 0 || kv.block_tokens % 16 != 0) {
    return graph_error(fmt::format(
        "cache blocks of {} layers, {} heads of {} values and {} tokens: all must be positive, "
        "the tokens a multiple of 16",
        kv.layers_per_group, kv.num_kv_heads, kv.head_dim, kv.block_tokens));
  }
  if (kv.dtype > TRIVET_KV_INT8)
    return graph_error(fmt::format("a cache of the unknown type {}", kv.dtype));
  for (const GraphKvGroup& group : graph.kv_groups) {
    if (group.layers == kv.layers_per_group && group.window >= 0) continue;
    return graph_error(
        fmt::format("a cache group of {} layers with window {}, where a block holds {}",
                    group.layers, group.window, kv.layers_per_group));
  }
  return {};
}

Result<void> check_weight(const Graph& graph, const GraphWeight& weight) {
  constexpr int64_t kMost = std::numeric_limits<int32_t>::max();
  const bool in_range =
      weight.rows > 0 && weight.cols > 0 && weight.rows <= kMost && weight.cols <= kMost;
  if (!in_range) {
    return graph_error(
        fmt::format("weight \"{}\" is {} x {}", weight.name, weight.rows, weight.cols));
  }
  if (weight.cols % block_shape(weight.dtype).columns != 0) {
    return graph_error(fmt::format(
        "weight \"{}\": {} columns are no multiple of the {} of a {} block", weight.name,
        weight.cols, block_shape(weight.dtype).columns, dtype_name(weight.dtype)));
  }
  const uint64_t bytes = row_bytes(weight.dtype, weight.cols) * static_cast<uint64_t>(weight.rows);
  if (weight.data.size() != bytes) {
    return graph_error(fmt::format("weight \"{}\" has {} bytes, {} x {} of {} needs {}",
                                   weight.name, weight.data.size(), weight.rows, weight.cols,
                                   dtype_name(weight.dtype), bytes));
  }
  if (weight.column_scale && graph.constant_size(weight.column_scale) != weight.cols) {
    return graph_error(
        fmt::format("weight \"{}\": its column scale has not {} values", weight.name, weight.cols));
  }
  return {};
}

// Walks the nodes in order and remembers what exists so far.
class NodeChecker {
 public:
  explicit NodeChecker(const Graph& graph) : graph_(graph), written_(graph.values.size(), false) {}

  Result<void> check(const GraphNode& node) {
    TRIVET_RETURN_IF_ERROR(check_ids(node));
    TRIVET_ASSIGN_OR_RETURN(const OpShape shape, op_rule(node.params).shape(graph_, node));
    TRIVET_RETURN_IF_ERROR(check_output(node, shape));
    return check_cache_order(node);
  }

  bool written(ValueId value) const {
    return value >= 0 && static_cast<size_t>(value) < written_.size() &&
           written_[static_cast<size_t>(value)];
  }

 private:
  Result<void> check_ids(const GraphNode& node) const {
    for (ValueId input : node.inputs) {
      if (!written(input)) {
        return op_error(node, fmt::format("reads value {}, which no earlier node writes", input));
      }
    }
    for (WeightId weight : node.weights) {
      if (weight < 0 || static_cast<size_t>(weight) >= graph_.weights.size()) {
        return op_error(node, fmt::format("weight {} does not exist", weight));
      }
    }
    return {};
  }

  Result<void> check_output(const GraphNode& node, const OpShape& shape) {
    if (node.output == kNoValue) {
      if (shape.cols == 0) return {};
      return op_error(node, "has no output");
    }
    if (node.output < 0 || static_cast<size_t>(node.output) >= graph_.values.size()) {
      return op_error(node, fmt::format("output value {} does not exist", node.output));
    }
    if (written(node.output)) {
      return op_error(node, fmt::format("writes value {}, which has been written", node.output));
    }
    const GraphValue& value = graph_.values[static_cast<size_t>(node.output)];
    if (value.cols != shape.cols || value.domain != shape.domain) {
      return op_error(node, fmt::format("gives {} columns, value \"{}\" has {}", shape.cols,
                                        value.name, value.cols));
    }
    written_[static_cast<size_t>(node.output)] = true;
    return {};
  }

  // Attention reads what this step wrote: the writing node must come first, once.
  Result<void> check_cache_order(const GraphNode& node) {
    const auto* write = node.as<trivet_kv_write_params>();
    const auto* attention = node.as<trivet_attention_params>();
    const bool writes = write || (attention && attention->fused_rope_write);
    if (!write && !attention) return {};
    const std::pair<int32_t, int32_t> slot =
        write ? std::pair(write->kv_group, write->kv_layer)
              : std::pair(attention->kv_group, attention->kv_layer);
    if (writes && !cache_written_.insert(slot).second) {
      return op_error(node, fmt::format("cache {}:{} is written twice", slot.first, slot.second));
    }
    if (!writes && !cache_written_.contains(slot)) {
      return op_error(
          node, fmt::format("cache {}:{} is read before it is written", slot.first, slot.second));
    }
    return {};
  }

  const Graph& graph_;
  std::vector<bool> written_;
  std::set<std::pair<int32_t, int32_t>> cache_written_;
};

}  // namespace

Result<void> validate(const Graph& graph) {
  TRIVET_RETURN_IF_ERROR(check_kv(graph));
  for (const GraphWeight& weight : graph.weights) {
    TRIVET_RETURN_IF_ERROR(check_weight(graph, weight));
  }
  NodeChecker checker(graph);
  for (const GraphNode& node : graph.nodes) TRIVET_RETURN_IF_ERROR(checker.check(node));
  if (!checker.written(graph.output)) return graph_error("no node writes the output");
  if (graph.values[static_cast<size_t>(graph.output)].domain != RowDomain::kOutputs) {
    return graph_error("the output has a row per token; it must come from rows that were gathered");
  }
  return {};
}

}  // namespace trivet
