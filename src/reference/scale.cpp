#include "reference/operation.h"

namespace trivet::reference {
namespace {

class Scale final : public Operation {
 public:
  Scale(float factor, int64_t cols) : factor_(factor), cols_(cols) {}

  trivet_status run(const trivet_run& run, ThreadPool&) const override {
    const int64_t count = run.num_rows * cols_;
    for (int64_t i = 0; i < count; ++i) run.output[i] = run.inputs[0][i] * factor_;
    return TRIVET_OK;
  }

 private:
  float factor_;
  int64_t cols_;
};

}  // namespace

OpResult make_scale(const OpRequest& request) {
  const trivet_op_desc& desc = request.desc;
  TRIVET_ASSIGN_OR_RETURN(const auto params, params_of<trivet_scale_params>(desc));
  TRIVET_RETURN_IF_ERROR(require_operands(desc, 1, 0, 0));
  TRIVET_RETURN_IF_ERROR(require(desc.input_cols[0] == desc.output_cols,
                                 "scale: input and output must have equal columns"));
  return std::unique_ptr<Operation>(new Scale(params.factor, desc.output_cols));
}

}  // namespace trivet::reference
