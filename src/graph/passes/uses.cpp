#include "graph/passes/uses.h"

namespace trivet {

Uses::Uses(const Graph& graph)
    : writers_(find_writers(graph)), readers_(graph.values.size()), output_(graph.output) {
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    for (ValueId input : graph.nodes[i].inputs) {
      readers_[static_cast<size_t>(input)].push_back(static_cast<int>(i));
    }
  }
}

void NodeEraser::apply(Graph& graph) const {
  size_t index = 0;
  std::erase_if(graph.nodes, [&](const GraphNode&) { return erased_[index++]; });
}

}  // namespace trivet
