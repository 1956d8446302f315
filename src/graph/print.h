// Graphs for people and tools: what `trivet graph` shows.
#ifndef TRIVET_GRAPH_PRINT_H_
#define TRIVET_GRAPH_PRINT_H_

#include <span>
#include <string>
#include <vector>

#include "graph/graph.h"

namespace trivet {

// Consecutive or scattered decoder layers with the same operations, shown once. Cache slots, names
// and number types may differ between them.
struct LayerKind {
  std::vector<int> layers;         // ascending
  std::vector<size_t> node_index;  // nodes of the first of them
};

// Nodes outside the layers before the first and after the last layer, and the kinds of layers in
// order of their first layer.
struct GraphOutline {
  std::vector<size_t> before, after;
  std::vector<LayerKind> kinds;
};
GraphOutline outline(const Graph& graph);

// "0-4, 6-10"
std::string layer_ranges(const std::vector<int>& layers);

// One aligned line per node; each kind of layer once unless `every_layer`.
std::string print_text(const Graph& graph, bool every_layer = false);

// {"name", "output", "kv": {...}, "values": [...], "weights": [...], "nodes": [...]}: every node,
// all layers.
std::string print_json(const Graph& graph);

struct GraphColumn {
  std::string title;
  const Graph* graph;
};
// The graphs side by side, from top to bottom, each kind of layer in one frame.
std::string print_svg(std::span<const GraphColumn> columns);

}  // namespace trivet

#endif  // TRIVET_GRAPH_PRINT_H_
