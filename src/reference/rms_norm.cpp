#include "reference/arithmetic.h"
#include "reference/operation.h"

namespace trivet::reference {
namespace {

class RmsNorm final : public Operation {
 public:
  RmsNorm(const trivet_rms_norm_params& params, int64_t cols) : params_(params), cols_(cols) {}

  trivet_status run(const trivet_run& run, ThreadPool& pool) const override {
    pool.parallel_for(run.num_rows, rows_per_range(cols_), [&](int64_t begin, int64_t end, int) {
      for (int64_t r = begin; r < end; ++r) {
        if (params_.add_residual) {
          add_normalized(run.inputs[0] + r * cols_, run.inputs[1] + r * cols_,
                         run.output + r * cols_);
        } else {
          rms_normalize(run.inputs[0] + r * cols_, params_.weight, params_.eps, cols_,
                        run.output + r * cols_);
        }
      }
    });
    return TRIVET_OK;
  }

 private:
  // Element by element, since out may be the residual.
  void add_normalized(const float* x, const float* residual, float* out) const {
    const float scale = rms_scale(x, params_.eps, cols_);
    for (int64_t c = 0; c < cols_; ++c) out[c] = residual[c] + x[c] * scale * params_.weight[c];
  }

  trivet_rms_norm_params params_;
  int64_t cols_;
};

}  // namespace

OpResult make_rms_norm(const OpRequest& request) {
  const trivet_op_desc& desc = request.desc;
  TRIVET_ASSIGN_OR_RETURN(const auto params, params_of<trivet_rms_norm_params>(desc));
  TRIVET_RETURN_IF_ERROR(require_operands(desc, params.add_residual ? 2 : 1, 0, 0));
  TRIVET_RETURN_IF_ERROR(
      require(desc.output_cols > 0 && desc.input_cols[0] == desc.output_cols &&
                  (!params.add_residual || desc.input_cols[1] == desc.output_cols),
              "rms_norm: inputs and output must have equal columns"));
  TRIVET_RETURN_IF_ERROR(require(params.weight != nullptr, "rms_norm needs a weight"));
  return std::unique_ptr<Operation>(new RmsNorm(params, desc.output_cols));
}

}  // namespace trivet::reference
