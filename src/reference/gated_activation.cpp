#include "reference/arithmetic.h"
#include "reference/operation.h"

namespace trivet::reference {
namespace {

class GatedActivation final : public Operation {
 public:
  GatedActivation(uint32_t activation, int64_t cols) : activation_(activation), cols_(cols) {}

  trivet_status run(const trivet_run& run, ThreadPool& pool) const override {
    pool.parallel_for(run.num_rows, rows_per_range(cols_), [&](int64_t begin, int64_t end, int) {
      for (int64_t r = begin; r < end; ++r) {
        const float* gate = run.inputs[0] + r * 2 * cols_;
        const float* up = gate + cols_;
        for (int64_t c = 0; c < cols_; ++c)
          run.output[r * cols_ + c] = activate(activation_, gate[c]) * up[c];
      }
    });
    return TRIVET_OK;
  }

 private:
  uint32_t activation_;
  int64_t cols_;
};

}  // namespace

OpResult make_gated_activation(const OpRequest& request) {
  const trivet_op_desc& desc = request.desc;
  TRIVET_ASSIGN_OR_RETURN(const auto params, params_of<trivet_gated_activation_params>(desc));
  TRIVET_RETURN_IF_ERROR(require_operands(desc, 1, 0, 0));
  TRIVET_RETURN_IF_ERROR(require(params.activation <= TRIVET_ACT_GELU_TANH, "unknown activation"));
  TRIVET_RETURN_IF_ERROR(
      require(desc.input_cols[0] == int64_t{2} * desc.output_cols,
              "gated_activation: the input has twice the columns of the output"));
  return std::unique_ptr<Operation>(new GatedActivation(params.activation, desc.output_cols));
}

}  // namespace trivet::reference
