// The LINEAR that makes the logits keeps finer activations where no matrix of the graph is of a K
// type: rounding to 8 bits with a scale per 32 columns costs the most there for the least work,
// since a prompt computes the head once. Beside K types the other activations are finer already.
#ifndef TRIVET_GRAPH_PASSES_REFINE_HEAD_H_
#define TRIVET_GRAPH_PASSES_REFINE_HEAD_H_

#include "graph/graph.h"

namespace trivet {

void refine_head(Graph& graph);

}  // namespace trivet

#endif  // TRIVET_GRAPH_PASSES_REFINE_HEAD_H_
