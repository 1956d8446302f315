// Workspace that operations need, before their weights exist.
#ifndef TRIVET_PROGRAM_WORKSPACE_H_
#define TRIVET_PROGRAM_WORKSPACE_H_

#include <cstdint>

#include "base/result.h"
#include "program/placement.h"

namespace trivet {

// The most workspace of any operation of the placed graph. Operations without weights are prepared
// and asked. A linear cannot be prepared without its packed weights, so it is estimated from above
// as
//   rows * input columns * 8           (the normalised row as float32, and as int8 with scales and
//   sums)
// + rows * output columns * 8          (both halves of a gated pair; only with an activation)
// + threads * (64 * input columns * 4 + 64 * rows * 8 + 64 KiB)   (a strip of 64 outputs per
// thread)
Result<uint64_t> estimate_workspace(const PlacedGraph& placed, DevicePair& devices,
                                    const trivet_limits& limits);

}  // namespace trivet

#endif  // TRIVET_PROGRAM_WORKSPACE_H_
