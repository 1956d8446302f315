#include "graph/graph.h"

#include <algorithm>
#include <utility>

#include "graph/ops/op_rules.h"

namespace trivet {

const float* Graph::add_constant(std::vector<float> values) {
  constants.push_back(std::make_shared<const std::vector<float>>(std::move(values)));
  return constants.back()->data();
}

int64_t Graph::constant_size(const float* data) const {
  for (const GraphConstant& constant : constants) {
    if (constant->data() == data) return static_cast<int64_t>(constant->size());
  }
  return -1;
}

std::vector<int> count_readers(const Graph& graph) {
  std::vector<int> readers(graph.values.size(), 0);
  for (const GraphNode& node : graph.nodes) {
    for (ValueId input : node.inputs) ++readers[static_cast<size_t>(input)];
  }
  if (graph.output != kNoValue) ++readers[static_cast<size_t>(graph.output)];
  return readers;
}

std::vector<int> find_writers(const Graph& graph) {
  std::vector<int> writers(graph.values.size(), -1);
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    const ValueId output = graph.nodes[i].output;
    if (output != kNoValue) writers[static_cast<size_t>(output)] = static_cast<int>(i);
  }
  return writers;
}

namespace {

void remove_unread_nodes(Graph& graph) {
  std::vector<int> readers = count_readers(graph);
  // Backwards: a node that goes away stops reading.
  for (size_t i = graph.nodes.size(); i-- > 0;) {
    GraphNode& node = graph.nodes[i];
    if (node.output == kNoValue || readers[static_cast<size_t>(node.output)] > 0) continue;
    for (ValueId input : node.inputs) --readers[static_cast<size_t>(input)];
    graph.nodes.erase(graph.nodes.begin() + static_cast<std::ptrdiff_t>(i));
  }
}

// Keeps the marked elements; gives the new index of each, -1 for those that went.
template <class T>
std::vector<int32_t> compact(std::vector<T>& items, const std::vector<bool>& used) {
  std::vector<int32_t> new_index(items.size(), -1);
  std::vector<T> kept;
  for (size_t i = 0; i < items.size(); ++i) {
    if (!used[i]) continue;
    new_index[i] = static_cast<int32_t>(kept.size());
    kept.push_back(std::move(items[i]));
  }
  items = std::move(kept);
  return new_index;
}

void remove_unnamed_values(Graph& graph) {
  std::vector<bool> used(graph.values.size(), false);
  for (const GraphNode& node : graph.nodes) {
    for (ValueId input : node.inputs) used[static_cast<size_t>(input)] = true;
    if (node.output != kNoValue) used[static_cast<size_t>(node.output)] = true;
  }
  if (graph.output != kNoValue) used[static_cast<size_t>(graph.output)] = true;
  const std::vector<int32_t> new_index = compact(graph.values, used);
  auto renumber = [&](ValueId& value) {
    if (value != kNoValue) value = new_index[static_cast<size_t>(value)];
  };
  for (GraphNode& node : graph.nodes) {
    for (ValueId& input : node.inputs) renumber(input);
    renumber(node.output);
  }
  renumber(graph.output);
}

void remove_unnamed_weights(Graph& graph) {
  std::vector<bool> used(graph.weights.size(), false);
  for (const GraphNode& node : graph.nodes) {
    for (WeightId weight : node.weights) used[static_cast<size_t>(weight)] = true;
  }
  const std::vector<int32_t> new_index = compact(graph.weights, used);
  for (GraphNode& node : graph.nodes) {
    for (WeightId& weight : node.weights) weight = new_index[static_cast<size_t>(weight)];
  }
}

std::vector<const float*> named_constants(const Graph& graph) {
  std::vector<const float*> named;
  for (const GraphNode& node : graph.nodes) {
    if (const auto* table = node.as<trivet_rope_table_params>()) named.push_back(table->inv_freq);
    if (const auto* norm = node.as<trivet_rms_norm_params>()) named.push_back(norm->weight);
    if (const auto* norm = node.as<trivet_head_norm_params>()) named.push_back(norm->weight);
    if (const auto* linear = node.as<trivet_linear_params>()) {
      named.insert(named.end(), {linear->bias, linear->norm_weight});
    }
    if (const auto* attention = node.as<trivet_attention_params>()) {
      named.insert(named.end(), {attention->query_norm, attention->key_norm});
    }
  }
  for (const GraphWeight& weight : graph.weights) named.push_back(weight.column_scale);
  return named;
}

}  // namespace

void remove_unused(Graph& graph) {
  remove_unread_nodes(graph);
  remove_unnamed_values(graph);
  remove_unnamed_weights(graph);
  std::vector<const float*> named = named_constants(graph);
  std::sort(named.begin(), named.end());
  std::erase_if(graph.constants, [&](const GraphConstant& constant) {
    return !std::binary_search(named.begin(), named.end(), constant->data());
  });
}

}  // namespace trivet
