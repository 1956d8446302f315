#include "reference/kv_cache.h"
#include "reference/operation.h"

namespace trivet::reference {
namespace {

class KvWrite final : public Operation {
 public:
  KvWrite(const trivet_kv_write_params& params, int64_t cols) : params_(params), cols_(cols) {}

  trivet_status run(const trivet_run& run, ThreadPool&) const override {
    const KvLayer layer(params_.kv, params_.kv_group, params_.kv_layer, *run.step);
    if (!layer.valid_for_write()) return TRIVET_INVALID_ARGUMENT;
    for (int r = 0; r < run.num_rows; ++r) {
      const float* row = run.inputs[0] + r * cols_;
      layer.write(r, row + params_.key_col, row + params_.value_col);
    }
    return TRIVET_OK;
  }

 private:
  trivet_kv_write_params params_;
  int64_t cols_;
};

}  // namespace

OpResult make_kv_write(const OpRequest& request) {
  const trivet_op_desc& desc = request.desc;
  TRIVET_ASSIGN_OR_RETURN(const auto params, params_of<trivet_kv_write_params>(desc));
  const trivet_kv_desc& kv = params.kv;
  TRIVET_RETURN_IF_ERROR(require_operands(desc, 1, 0, 0));
  TRIVET_RETURN_IF_ERROR(check_kv_desc(kv));
  TRIVET_RETURN_IF_ERROR(
      require_heads(params.key_col, kv.num_kv_heads, kv.head_dim, desc.input_cols[0]));
  TRIVET_RETURN_IF_ERROR(
      require_heads(params.value_col, kv.num_kv_heads, kv.head_dim, desc.input_cols[0]));
  TRIVET_RETURN_IF_ERROR(require(params.kv_group >= 0, "kv_write: kv_group is negative"));
  TRIVET_RETURN_IF_ERROR(require(params.kv_layer >= 0 && params.kv_layer < kv.layers_per_group,
                                 "kv_write: kv_layer must lie within the group"));
  return std::unique_ptr<Operation>(new KvWrite(params, desc.input_cols[0]));
}

}  // namespace trivet::reference
