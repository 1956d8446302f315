// Whether a step is one that a program can run: nothing out of range reaches a backend.
#ifndef TRIVET_PROGRAM_STEP_CHECK_H_
#define TRIVET_PROGRAM_STEP_CHECK_H_

#include <cstdint>
#include <vector>

#include "base/result.h"
#include "graph/graph.h"
#include "trivet/backend.h"

namespace trivet {

class StepChecker {
 public:
  // vocab_size: rows of the embedding.
  StepChecker(const trivet_limits& limits, int32_t vocab_size, const trivet_kv_desc& kv,
              std::vector<GraphKvGroup> groups)
      : limits_(limits), vocab_size_(vocab_size), kv_(kv), groups_(std::move(groups)) {}

  // Rows, tokens, positions and block tables. kInvalidArgument, naming the value.
  Result<void> check_body(const trivet_step& step) const;
  Result<void> check_output_rows(const trivet_step& step) const;

 private:
  Result<void> check_sequence(const trivet_step& step, int32_t sequence) const;
  Result<void> check_blocks(const trivet_step& step, int32_t sequence) const;

  trivet_limits limits_;
  int32_t vocab_size_;
  trivet_kv_desc kv_;
  std::vector<GraphKvGroup> groups_;
};

}  // namespace trivet

#endif  // TRIVET_PROGRAM_STEP_CHECK_H_
