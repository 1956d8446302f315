// CONCAT, the one operation that the program runs itself, on host memory.
#ifndef TRIVET_PROGRAM_ROW_CONCAT_H_
#define TRIVET_PROGRAM_ROW_CONCAT_H_

#include <array>
#include <cstdint>

#include "trivet/backend.h"

namespace trivet {

struct RowConcat {
  int32_t num_inputs = 0;
  std::array<int32_t, TRIVET_MAX_INPUTS> cols{};

  void run(const trivet_run& run) const;
};

}  // namespace trivet

#endif  // TRIVET_PROGRAM_ROW_CONCAT_H_
