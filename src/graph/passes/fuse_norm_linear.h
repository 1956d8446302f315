// RMS_NORM whose readers are all LINEARs -> prologue of each of them, where a backend quantises the
// normalised row while it is in registers.
#ifndef TRIVET_GRAPH_PASSES_FUSE_NORM_LINEAR_H_
#define TRIVET_GRAPH_PASSES_FUSE_NORM_LINEAR_H_

#include "graph/graph.h"

namespace trivet {

void fuse_norm_linear(Graph& graph);

}  // namespace trivet

#endif  // TRIVET_GRAPH_PASSES_FUSE_NORM_LINEAR_H_
