#include "program/row_concat.h"

#include <cstring>

namespace trivet {

void RowConcat::run(const trivet_run& run) const {
  float* out = run.output;
  for (int64_t row = 0; row < run.num_rows; ++row) {
    for (size_t i = 0; i < static_cast<size_t>(num_inputs); ++i) {
      const auto width = static_cast<size_t>(cols[i]);
      std::memcpy(out, run.inputs[i] + row * cols[i], width * sizeof(float));
      out += width;
    }
  }
}

}  // namespace trivet
