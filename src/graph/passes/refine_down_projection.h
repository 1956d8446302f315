// LINEARs that read a gated activation keep finer activations: rounding to 8 bits, as quantised
// weights take them, costs the most there, since products of two activations have the largest
// outliers.
#ifndef TRIVET_GRAPH_PASSES_REFINE_DOWN_PROJECTION_H_
#define TRIVET_GRAPH_PASSES_REFINE_DOWN_PROJECTION_H_

#include "graph/graph.h"

namespace trivet {

void refine_down_projection(Graph& graph);

}  // namespace trivet

#endif  // TRIVET_GRAPH_PASSES_REFINE_DOWN_PROJECTION_H_
