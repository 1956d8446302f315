#include "graph/print.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>

#include "graph/ops/op_rules.h"

namespace trivet {
namespace {

std::string_view domain_name(RowDomain domain) {
  return domain == RowDomain::kTokens ? "tokens" : "outputs";
}

// Everything that makes two layers look the same: operations, widths and parameters, not cache
// slots.
std::string layer_signature(const Graph& graph, const std::vector<size_t>& nodes) {
  std::string signature;
  for (size_t index : nodes) {
    const GraphNode& node = graph.nodes[index];
    signature += op_name(node.params);
    for (const auto& [name, value] : op_rule(node.params).attributes(node)) {
      if (name != "cache") signature += fmt::format(" {}={}", name, value);
    }
    if (node.output != kNoValue) signature += fmt::format(" ->{}", graph.cols(node.output));
    signature += '\n';
  }
  return signature;
}

std::string attributes_text(const GraphNode& node) {
  std::string text;
  for (const auto& [name, value] : op_rule(node.params).attributes(node)) {
    if (!text.empty()) text += ' ';
    text += name + "=" + value;
  }
  return text;
}

std::string inputs_text(const Graph& graph, const GraphNode& node) {
  std::string text;
  for (ValueId input : node.inputs) {
    const GraphValue& value = graph.values[static_cast<size_t>(input)];
    text += fmt::format("{}{}", text.empty() ? "" : ", ", value.name);
  }
  return text;
}

std::string weights_text(const Graph& graph, const GraphNode& node) {
  std::string text;
  for (WeightId id : node.weights) {
    const GraphWeight& weight = graph.weights[static_cast<size_t>(id)];
    text += fmt::format("{}{} {}x{}", text.empty() ? "" : " + ", dtype_name(weight.dtype),
                        weight.rows, weight.cols);
  }
  return text;
}

std::string shape_text(const Graph& graph, const GraphNode& node) {
  if (node.output == kNoValue) return "-";
  const GraphValue& value = graph.values[static_cast<size_t>(node.output)];
  return fmt::format("{} x {}", domain_name(value.domain), value.cols);
}

using Row = std::vector<std::string>;

Row text_row(const Graph& graph, const GraphNode& node) {
  return {node.name,
          std::string(op_name(node.params)),
          inputs_text(graph, node),
          shape_text(graph, node),
          weights_text(graph, node),
          attributes_text(node)};
}

// A row of one cell is a heading across the table.
std::string align(const std::vector<Row>& rows) {
  std::vector<size_t> width;
  for (const Row& row : rows) {
    if (row.size() == 1) continue;
    width.resize(std::max(width.size(), row.size()), 0);
    for (size_t i = 0; i < row.size(); ++i) width[i] = std::max(width[i], row[i].size());
  }
  std::string text;
  for (const Row& row : rows) {
    std::string line;
    if (row.size() == 1) line = row[0];
    for (size_t i = 0; row.size() > 1 && i < row.size(); ++i) {
      line += fmt::format("{:<{}}  ", row[i], width[i]);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + '\n';
  }
  return text;
}

nlohmann::json node_json(const GraphNode& node) {
  nlohmann::json attributes = nlohmann::json::object();
  for (const auto& [name, value] : op_rule(node.params).attributes(node)) attributes[name] = value;
  nlohmann::json json = {{"name", node.name},        {"op", op_name(node.params)},
                         {"inputs", node.inputs},    {"weights", node.weights},
                         {"attributes", attributes}, {"output", nullptr},
                         {"layer", nullptr}};
  if (node.output != kNoValue) json["output"] = node.output;
  if (node.layer >= 0) json["layer"] = node.layer;
  return json;
}

const char* kv_dtype_name(uint32_t dtype) {
  constexpr const char* kNames[] = {"auto", "f16", "bf16", "int8"};
  return dtype < std::size(kNames) ? kNames[dtype] : "unknown";
}

nlohmann::json kv_json(const Graph& graph) {
  nlohmann::json groups = nlohmann::json::array();
  for (const GraphKvGroup& group : graph.kv_groups) {
    groups.push_back({{"layers", group.layers}, {"window", group.window}});
  }
  return {{"layers_per_group", graph.kv.layers_per_group},
          {"num_kv_heads", graph.kv.num_kv_heads},
          {"head_dim", graph.kv.head_dim},
          {"block_tokens", graph.kv.block_tokens},
          {"dtype", kv_dtype_name(graph.kv.dtype)},
          {"groups", groups}};
}

}  // namespace

GraphOutline outline(const Graph& graph) {
  GraphOutline result;
  std::map<int, std::vector<size_t>> by_layer;
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    const int layer = graph.nodes[i].layer;
    if (layer >= 0) {
      by_layer[layer].push_back(i);
    } else {
      (by_layer.empty() ? result.before : result.after).push_back(i);
    }
  }
  std::map<std::string, size_t> kind_of_signature;
  for (auto& [layer, nodes] : by_layer) {
    const auto [it, is_new] =
        kind_of_signature.emplace(layer_signature(graph, nodes), result.kinds.size());
    if (is_new) result.kinds.push_back({{}, nodes});
    result.kinds[it->second].layers.push_back(layer);
  }
  return result;
}

std::string layer_ranges(const std::vector<int>& layers) {
  std::string text;
  for (size_t i = 0; i < layers.size();) {
    size_t last = i;
    while (last + 1 < layers.size() && layers[last + 1] == layers[last] + 1) ++last;
    text += text.empty() ? "" : ", ";
    text += last == i ? fmt::to_string(layers[i]) : fmt::format("{}-{}", layers[i], layers[last]);
    i = last + 1;
  }
  return text;
}

std::string print_text(const Graph& graph, bool every_layer) {
  std::vector<Row> rows = {{"node", "operation", "reads", "gives", "weights", "parameters"}};
  if (every_layer) {
    for (const GraphNode& node : graph.nodes) rows.push_back(text_row(graph, node));
  } else {
    const GraphOutline parts = outline(graph);
    for (size_t index : parts.before) rows.push_back(text_row(graph, graph.nodes[index]));
    for (const LayerKind& kind : parts.kinds) {
      rows.push_back({fmt::format("-- {} layers like this: {}", kind.layers.size(),
                                  layer_ranges(kind.layers))});
      for (size_t index : kind.node_index) rows.push_back(text_row(graph, graph.nodes[index]));
    }
    if (!parts.kinds.empty()) rows.push_back({"-- after the layers"});
    for (size_t index : parts.after) rows.push_back(text_row(graph, graph.nodes[index]));
  }
  return fmt::format("{}: {} nodes, {} weights, {} cache groups of {} layers\n{}", graph.name,
                     graph.nodes.size(), graph.weights.size(), graph.kv_groups.size(),
                     graph.kv.layers_per_group, align(rows));
}

std::string print_json(const Graph& graph) {
  nlohmann::json values = nlohmann::json::array(), weights = nlohmann::json::array(),
                 nodes = nlohmann::json::array();
  for (const GraphValue& value : graph.values) {
    values.push_back(
        {{"name", value.name}, {"cols", value.cols}, {"rows", domain_name(value.domain)}});
  }
  for (const GraphWeight& weight : graph.weights) {
    weights.push_back({{"name", weight.name},
                       {"dtype", dtype_name(weight.dtype)},
                       {"rows", weight.rows},
                       {"cols", weight.cols}});
  }
  for (const GraphNode& node : graph.nodes) nodes.push_back(node_json(node));
  const nlohmann::json json = {{"name", graph.name},   {"output", graph.output},
                               {"kv", kv_json(graph)}, {"values", values},
                               {"weights", weights},   {"nodes", nodes}};
  return json.dump(1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

}  // namespace trivet
