// The rewrites of graphs, each of which keeps the values of the output and can be switched off.
#ifndef TRIVET_GRAPH_PASSES_PASS_LIST_H_
#define TRIVET_GRAPH_PASSES_PASS_LIST_H_

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "graph/graph.h"

namespace trivet {

struct Pass {
  std::string_view name;
  std::string_view description;  // one line
  bool on_by_default;
  bool bit_exact;             // false: keeps the output up to rounding
  void (*run)(Graph& graph);  // may leave unused nodes and values behind
};

// In the order in which they run.
std::span<const Pass> pass_list();

struct PassOptions {
  std::vector<std::string> disabled;  // names of passes not to run
  std::vector<std::string> enabled;   // names of passes to run that are off by default
};

// Runs the passes on a valid graph. Unknown names: kInvalidArgument, listing those that exist.
Result<Graph> apply_passes(Graph graph, const PassOptions& options = {});

}  // namespace trivet

#endif  // TRIVET_GRAPH_PASSES_PASS_LIST_H_
