// CONCAT of three LINEARs of one input (queries, keys, values) -> one LINEAR with three weights.
#ifndef TRIVET_GRAPH_PASSES_FUSE_QKV_H_
#define TRIVET_GRAPH_PASSES_FUSE_QKV_H_

#include "graph/graph.h"

namespace trivet {

void fuse_qkv(Graph& graph);

}  // namespace trivet

#endif  // TRIVET_GRAPH_PASSES_FUSE_QKV_H_
