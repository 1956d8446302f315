// Where the values of a program lie in one block of memory: lifetimes, sharing, offsets.
#ifndef TRIVET_PROGRAM_VALUE_LAYOUT_H_
#define TRIVET_PROGRAM_VALUE_LAYOUT_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "graph/graph.h"
#include "trivet/backend.h"

namespace trivet {

struct ValueLayout {
  std::vector<uint64_t> offsets;  // bytes, of each value; multiples of 64
  uint64_t bytes = 0;
};

// `graph`: nodes of the body first, `body_size` of them. Values that live at the same time do not
// overlap, except where the ABI lets an output be an input that nobody reads afterwards. Values of
// the body that the head reads are kept through the head, so that it can run again.
ValueLayout layout_values(const Graph& graph, size_t body_size, const trivet_limits& limits);

}  // namespace trivet

#endif  // TRIVET_PROGRAM_VALUE_LAYOUT_H_
