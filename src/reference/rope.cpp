#include "reference/arithmetic.h"
#include "reference/operation.h"

namespace trivet::reference {
namespace {

class Rope final : public Operation {
 public:
  Rope(const trivet_rope_params& params, int64_t cols) : params_(params), cols_(cols) {}

  trivet_status run(const trivet_run& run, ThreadPool& pool) const override {
    if (run.output != run.inputs[0]) return TRIVET_INVALID_ARGUMENT;
    pool.parallel_for(run.num_rows, rows_per_range(cols_), [&](int64_t begin, int64_t end, int) {
      for (int64_t r = begin; r < end; ++r) {
        const float* table_row = run.inputs[1] + r * params_.rotary_dim;
        float* head = run.output + r * cols_ + params_.first_col;
        for (int h = 0; h < params_.num_heads; ++h, head += params_.head_dim)
          rotate_head(head, table_row, params_.rotary_dim, params_.style);
      }
    });
    return TRIVET_OK;
  }

 private:
  trivet_rope_params params_;
  int64_t cols_;
};

}  // namespace

OpResult make_rope(const OpRequest& request) {
  const trivet_op_desc& desc = request.desc;
  TRIVET_ASSIGN_OR_RETURN(const auto params, params_of<trivet_rope_params>(desc));
  TRIVET_RETURN_IF_ERROR(require_operands(desc, 2, 0, 0));
  TRIVET_RETURN_IF_ERROR(
      require_heads(params.first_col, params.num_heads, params.head_dim, desc.input_cols[0]));
  TRIVET_RETURN_IF_ERROR(require_rotation(params.rotary_dim, params.head_dim, params.style));
  TRIVET_RETURN_IF_ERROR(require(desc.output_cols == desc.input_cols[0], "rope works in place"));
  TRIVET_RETURN_IF_ERROR(
      require(desc.input_cols[1] == params.rotary_dim, "rope: the table has rotary_dim columns"));
  return std::unique_ptr<Operation>(new Rope(params, desc.input_cols[0]));
}

}  // namespace trivet::reference
