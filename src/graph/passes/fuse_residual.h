// ADD of the result of a LINEAR or RMS_NORM to another value -> add_residual of that node.
#ifndef TRIVET_GRAPH_PASSES_FUSE_RESIDUAL_H_
#define TRIVET_GRAPH_PASSES_FUSE_RESIDUAL_H_

#include "graph/graph.h"

namespace trivet {

void fuse_residual(Graph& graph);

}  // namespace trivet

#endif  // TRIVET_GRAPH_PASSES_FUSE_RESIDUAL_H_
