// Fused operations as their pieces, which give the same bits.
#ifndef TRIVET_PROGRAM_SPLIT_H_
#define TRIVET_PROGRAM_SPLIT_H_

#include <vector>

#include "graph/graph.h"

namespace trivet {

// Parts of a linear that can be nodes of their own.
struct LinearParts {
  bool norm = false;
  bool activation = false;
  bool residual = false;

  int count() const { return int{norm} + int{activation} + int{residual}; }
};

// The parts that this linear has.
LinearParts parts_of(const trivet_linear_params& linear);

// The nodes that replace `node`, in order; new values and constants go into `graph`. The linear
// itself is at index 1 if the norm was split off, else 0.
std::vector<GraphNode> split_linear(Graph& graph, const GraphNode& node, LinearParts parts);

// A linear without parts and with up to TRIVET_MAX_INPUTS weights: one linear for each, and a
// CONCAT.
std::vector<GraphNode> split_segments(Graph& graph, const GraphNode& node);

// Attention with fused_rope_write: norms, rotations, cache write, attention.
std::vector<GraphNode> split_attention(Graph& graph, const GraphNode& node);

}  // namespace trivet

#endif  // TRIVET_PROGRAM_SPLIT_H_
