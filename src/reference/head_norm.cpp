#include "reference/arithmetic.h"
#include "reference/operation.h"

namespace trivet::reference {
namespace {

class HeadNorm final : public Operation {
 public:
  HeadNorm(const trivet_head_norm_params& params, int64_t cols) : params_(params), cols_(cols) {}

  trivet_status run(const trivet_run& run, ThreadPool& pool) const override {
    if (run.output != run.inputs[0]) return TRIVET_INVALID_ARGUMENT;
    const int head_dim = params_.head_dim;
    pool.parallel_for(run.num_rows, rows_per_range(cols_), [&](int64_t begin, int64_t end, int) {
      for (int64_t r = begin; r < end; ++r) {
        float* head = run.output + r * cols_ + params_.first_col;
        for (int h = 0; h < params_.num_heads; ++h, head += head_dim)
          rms_normalize(head, params_.weight, params_.eps, head_dim, head);
      }
    });
    return TRIVET_OK;
  }

 private:
  trivet_head_norm_params params_;
  int64_t cols_;
};

}  // namespace

OpResult make_head_norm(const OpRequest& request) {
  const trivet_op_desc& desc = request.desc;
  TRIVET_ASSIGN_OR_RETURN(const auto params, params_of<trivet_head_norm_params>(desc));
  TRIVET_RETURN_IF_ERROR(require_operands(desc, 1, 0, 0));
  TRIVET_RETURN_IF_ERROR(
      require_heads(params.first_col, params.num_heads, params.head_dim, desc.input_cols[0]));
  TRIVET_RETURN_IF_ERROR(
      require(desc.output_cols == desc.input_cols[0], "head_norm works in place"));
  TRIVET_RETURN_IF_ERROR(require(params.weight != nullptr, "head_norm needs a weight"));
  return std::unique_ptr<Operation>(new HeadNorm(params, desc.input_cols[0]));
}

}  // namespace trivet::reference
