// Moves GATHER_ROWS up over operations that work row by row: the head's linear, its scale and soft
// cap, and the final norm then run for rows whose logits are wanted, not for every token.
#ifndef TRIVET_GRAPH_PASSES_LAST_TOKEN_HEAD_H_
#define TRIVET_GRAPH_PASSES_LAST_TOKEN_HEAD_H_

#include "graph/graph.h"

namespace trivet {

void last_token_head(Graph& graph);

}  // namespace trivet

#endif  // TRIVET_GRAPH_PASSES_LAST_TOKEN_HEAD_H_
