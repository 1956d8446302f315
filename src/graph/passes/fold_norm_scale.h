// RMS_NORM -> LINEAR with float32 weights: the norm's weight vector is multiplied into the matrix
// columns as they are packed, and the norm keeps ones. Quantised and 16-bit weights keep their norm
// weights: a rescaled block would have to be quantised again. Off by default: products are rounded
// elsewhere, so bits change, and matrices that could be used in place are copied. Methods that
// rotate the residual stream need it.
#ifndef TRIVET_GRAPH_PASSES_FOLD_NORM_SCALE_H_
#define TRIVET_GRAPH_PASSES_FOLD_NORM_SCALE_H_

#include "graph/graph.h"

namespace trivet {

void fold_norm_scale(Graph& graph);

}  // namespace trivet

#endif  // TRIVET_GRAPH_PASSES_FOLD_NORM_SCALE_H_
