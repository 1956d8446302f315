// Removes scales by 1 and folds the others into the node before, where that gives the same bits:
// into an embedding without a scale, into a norm whose weights are all 1, and joins of a single
// part.
#ifndef TRIVET_GRAPH_PASSES_FOLD_CONSTANTS_H_
#define TRIVET_GRAPH_PASSES_FOLD_CONSTANTS_H_

#include "graph/graph.h"

namespace trivet {

void fold_constants(Graph& graph);

}  // namespace trivet

#endif  // TRIVET_GRAPH_PASSES_FOLD_CONSTANTS_H_
