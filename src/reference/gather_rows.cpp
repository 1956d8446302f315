#include "reference/operation.h"

namespace trivet::reference {
namespace {

class GatherRows final : public Operation {
 public:
  explicit GatherRows(int64_t cols) : cols_(cols) {}

  trivet_status run(const trivet_run& run, ThreadPool&) const override {
    const trivet_step& step = *run.step;
    if (run.num_rows > 0 && step.output_rows == nullptr) return TRIVET_INVALID_ARGUMENT;
    for (int64_t i = 0; i < run.num_rows; ++i) {
      const int64_t row = step.output_rows[i];
      if (row < 0 || row >= step.num_rows) return TRIVET_INVALID_ARGUMENT;
      std::copy_n(run.inputs[0] + row * cols_, cols_, run.output + i * cols_);
    }
    return TRIVET_OK;
  }

 private:
  int64_t cols_;
};

}  // namespace

OpResult make_gather_rows(const OpRequest& request) {
  const trivet_op_desc& desc = request.desc;
  TRIVET_RETURN_IF_ERROR(require_operands(desc, 1, 0, 0));
  TRIVET_RETURN_IF_ERROR(
      require(desc.output_domain == 1, "gather_rows makes one row per output row"));
  TRIVET_RETURN_IF_ERROR(require(desc.input_cols[0] == desc.output_cols,
                                 "gather_rows: input and output must have equal columns"));
  return std::unique_ptr<Operation>(new GatherRows(desc.output_cols));
}

}  // namespace trivet::reference
