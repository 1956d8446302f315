// GATED_ACTIVATION of two LINEARs of one input -> one LINEAR with an activation.
#ifndef TRIVET_GRAPH_PASSES_FUSE_GATE_UP_H_
#define TRIVET_GRAPH_PASSES_FUSE_GATE_UP_H_

#include "graph/graph.h"

namespace trivet {

void fuse_gate_up(Graph& graph);

}  // namespace trivet

#endif  // TRIVET_GRAPH_PASSES_FUSE_GATE_UP_H_
