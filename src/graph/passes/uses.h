// Who writes and who reads each value: what passes match on.
#ifndef TRIVET_GRAPH_PASSES_USES_H_
#define TRIVET_GRAPH_PASSES_USES_H_

#include <cstddef>
#include <span>
#include <vector>

#include "graph/graph.h"

namespace trivet {

// A snapshot: build it anew after the graph has changed.
class Uses {
 public:
  explicit Uses(const Graph& graph);

  // Index of the node that writes the value.
  int writer(ValueId value) const { return writers_[static_cast<size_t>(value)]; }
  // Indices of the nodes that read it, in order; twice where a node reads it twice.
  std::span<const int> readers(ValueId value) const { return readers_[static_cast<size_t>(value)]; }
  bool is_graph_output(ValueId value) const { return value == output_; }
  // True if exactly one node reads it and it is not the graph's output.
  bool read_once(ValueId value) const {
    return readers(value).size() == 1 && !is_graph_output(value);
  }

 private:
  std::vector<int> writers_;
  std::vector<std::vector<int>> readers_;
  ValueId output_;
};

// Collects nodes to remove while indices must stay valid.
class NodeEraser {
 public:
  explicit NodeEraser(const Graph& graph) : erased_(graph.nodes.size(), false) {}
  void erase(int node) { erased_[static_cast<size_t>(node)] = true; }
  bool erased(int node) const { return erased_[static_cast<size_t>(node)]; }
  void apply(Graph& graph) const;

 private:
  std::vector<bool> erased_;
};

}  // namespace trivet

#endif  // TRIVET_GRAPH_PASSES_USES_H_
