// HEAD_NORM (optional) and ROPE of queries and keys, KV_WRITE, ATTENTION -> one ATTENTION with
// fused_rope_write. The joint value of queries, keys and values must have no other reader, since
// the fused operation leaves it undefined.
#ifndef TRIVET_GRAPH_PASSES_FUSE_ROPE_KV_ATTENTION_H_
#define TRIVET_GRAPH_PASSES_FUSE_ROPE_KV_ATTENTION_H_

#include "graph/graph.h"

namespace trivet {

void fuse_rope_kv_attention(Graph& graph);

}  // namespace trivet

#endif  // TRIVET_GRAPH_PASSES_FUSE_ROPE_KV_ATTENTION_H_
