// Checks for operations that make each output row from the same row of their inputs.
#ifndef TRIVET_DEVICE_CONFORMANCE_ROW_OPERATION_H_
#define TRIVET_DEVICE_CONFORMANCE_ROW_OPERATION_H_

#include <functional>
#include <string>
#include <vector>

#include "device/conformance/op_runner.h"
#include "device/conformance/session.h"

namespace trivet::conformance {

// Rows of the largest run, and those of the others: around the heights of register tiles.
inline constexpr int32_t kMostRows = 33;
inline constexpr int32_t kRowCounts[] = {1, 2, 7, kMostRows};

struct RowOperation {
  std::string name;
  OpSpec spec;
  Tolerance tolerance;
  // kMostRows rows of each input, and their step. Empty: normal values, positions from 0.
  std::vector<Matrix> inputs;
  StepData step;
};

// Against the reference, for all row counts.
void check_accuracy(Session& session, const RowOperation& operation);
// By bits: rows alone and in parts give what they give together; so do other limits and thread
// counts.
void check_invariance(Session& session, const RowOperation& operation);
// By bits: the output over input `index` is the output elsewhere.
void check_in_place(Session& session, const RowOperation& operation, int index);

// Prepares and runs once.
Result<Matrix> run_once(Device& device, const OpSpec& spec, const std::vector<Matrix>& inputs,
                        const StepData& step);

// Rows [first, first + count) of a step of one sequence.
StepData slice_step(const StepData& step, int32_t first, int32_t count);
std::vector<Matrix> slice_inputs(const std::vector<Matrix>& inputs, int32_t first, int32_t count);
std::vector<Matrix> random_inputs(const OpSpec& spec, int32_t rows);

}  // namespace trivet::conformance

#endif  // TRIVET_DEVICE_CONFORMANCE_ROW_OPERATION_H_
