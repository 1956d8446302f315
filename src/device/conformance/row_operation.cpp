#include "device/conformance/row_operation.h"

namespace trivet::conformance {
namespace {

constexpr trivet_limits kTightLimits{sizeof(trivet_limits), kMostRows, 1, kMostRows, 64};

RowOperation with_defaults(RowOperation operation) {
  if (operation.inputs.empty()) operation.inputs = random_inputs(operation.spec, kMostRows);
  if (operation.step.num_rows() == 0) operation.step = simple_step(kMostRows);
  return operation;
}

Result<Deviation> compare_to_reference(Session& session, const RowOperation& operation) {
  TRIVET_ASSIGN_OR_RETURN(auto candidate, OpRunner::create(session.candidate(), operation.spec));
  TRIVET_ASSIGN_OR_RETURN(auto reference, OpRunner::create(session.reference(), operation.spec));
  Deviation worst;
  for (const int32_t rows : kRowCounts) {
    const auto inputs = slice_inputs(operation.inputs, 0, rows);
    const StepData step = slice_step(operation.step, 0, rows);
    TRIVET_ASSIGN_OR_RETURN(const Matrix expected, reference->run(inputs, step));
    TRIVET_ASSIGN_OR_RETURN(const Matrix actual, candidate->run(inputs, step));
    worst.merge(deviation(operation.tolerance.measure, expected, actual),
                std::to_string(rows) + " rows");
  }
  return worst;
}

Result<Deviation> compare_parts(Session& session, const RowOperation& operation) {
  struct Part {
    int32_t first, count;
  };
  TRIVET_ASSIGN_OR_RETURN(auto runner, OpRunner::create(session.candidate(), operation.spec));
  TRIVET_ASSIGN_OR_RETURN(const Matrix whole, runner->run(operation.inputs, operation.step));
  Deviation worst;
  for (const Part& part : {Part{0, 1}, {7, 1}, {32, 1}, {3, 2}, {5, 7}, {16, 16}}) {
    TRIVET_ASSIGN_OR_RETURN(const Matrix rows,
                            runner->run(slice_inputs(operation.inputs, part.first, part.count),
                                        slice_step(operation.step, part.first, part.count)));
    worst.merge(deviation(ConformanceMeasure::kBits, whole.slice(part.first, part.count), rows),
                std::to_string(part.count) + " rows from row " + std::to_string(part.first));
  }
  return worst;
}

Result<Deviation> compare_limits(Session& session, const RowOperation& operation) {
  TRIVET_ASSIGN_OR_RETURN(auto roomy, OpRunner::create(session.candidate(), operation.spec));
  TRIVET_ASSIGN_OR_RETURN(auto tight,
                          OpRunner::create(session.candidate(), operation.spec, kTightLimits));
  TRIVET_ASSIGN_OR_RETURN(const Matrix expected, roomy->run(operation.inputs, operation.step));
  TRIVET_ASSIGN_OR_RETURN(const Matrix actual, tight->run(operation.inputs, operation.step));
  return deviation(ConformanceMeasure::kBits, expected, actual);
}

Result<Deviation> compare_threads(Session& session, const RowOperation& operation) {
  TRIVET_ASSIGN_OR_RETURN(Device * one, session.candidate_with_threads(1));
  TRIVET_ASSIGN_OR_RETURN(Device * two, session.candidate_with_threads(2));
  TRIVET_ASSIGN_OR_RETURN(const Matrix expected,
                          run_once(*one, operation.spec, operation.inputs, operation.step));
  TRIVET_ASSIGN_OR_RETURN(const Matrix actual,
                          run_once(*two, operation.spec, operation.inputs, operation.step));
  return deviation(ConformanceMeasure::kBits, expected, actual);
}

}  // namespace

StepData slice_step(const StepData& step, int32_t first, int32_t count) {
  StepData part = step;
  part.tokens.assign(step.tokens.begin() + first, step.tokens.begin() + first + count);
  part.positions.assign(step.positions.begin() + first, step.positions.begin() + first + count);
  part.row_begin = {0, count};
  return part;
}

std::vector<Matrix> slice_inputs(const std::vector<Matrix>& inputs, int32_t first, int32_t count) {
  std::vector<Matrix> parts;
  for (const Matrix& input : inputs) parts.push_back(input.slice(first, count));
  return parts;
}

std::vector<Matrix> random_inputs(const OpSpec& spec, int32_t rows) {
  std::vector<Matrix> inputs;
  for (size_t i = 0; i < spec.input_cols.size(); ++i)
    inputs.push_back(random_matrix(rows, spec.input_cols[i], 100 + i));
  return inputs;
}

Result<Matrix> run_once(Device& device, const OpSpec& spec, const std::vector<Matrix>& inputs,
                        const StepData& step) {
  TRIVET_ASSIGN_OR_RETURN(auto runner, OpRunner::create(device, spec));
  return runner->run(inputs, step);
}

void check_accuracy(Session& session, const RowOperation& given) {
  session.check(given.name, given.tolerance,
                [&] { return compare_to_reference(session, with_defaults(given)); });
}

void check_invariance(Session& session, const RowOperation& given) {
  session.check(given.name + ", in parts", kSameBits,
                [&] { return compare_parts(session, with_defaults(given)); });
  session.check(given.name + ", other limits", kSameBits,
                [&] { return compare_limits(session, with_defaults(given)); });
  session.check(given.name + ", 1 and 2 threads", kSameBits,
                [&] { return compare_threads(session, with_defaults(given)); });
}

void check_in_place(Session& session, const RowOperation& given, int index) {
  session.check(
      given.name + ", over input " + std::to_string(index), kSameBits, [&]() -> Result<Deviation> {
        const RowOperation operation = with_defaults(given);
        OpSpec over = operation.spec;
        over.output_is_input = index;
        TRIVET_ASSIGN_OR_RETURN(const Matrix expected, run_once(session.candidate(), operation.spec,
                                                                operation.inputs, operation.step));
        TRIVET_ASSIGN_OR_RETURN(const Matrix actual, run_once(session.candidate(), over,
                                                              operation.inputs, operation.step));
        return deviation(ConformanceMeasure::kBits, expected, actual);
      });
}

}  // namespace trivet::conformance
