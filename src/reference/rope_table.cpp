#include <cmath>

#include "reference/operation.h"

namespace trivet::reference {
namespace {

class RopeTable final : public Operation {
 public:
  explicit RopeTable(const trivet_rope_table_params& params) : params_(params) {}

  trivet_status run(const trivet_run& run, ThreadPool&) const override {
    const int half = params_.rotary_dim / 2;
    for (int64_t r = 0; r < run.num_rows; ++r) {
      float* out = run.output + r * params_.rotary_dim;
      for (int i = 0; i < half; ++i) {
        const float angle = static_cast<float>(run.step->positions[r]) * params_.inv_freq[i];
        out[i] = static_cast<float>(std::cos(static_cast<double>(angle))) * params_.magnitude;
        out[half + i] =
            static_cast<float>(std::sin(static_cast<double>(angle))) * params_.magnitude;
      }
    }
    return TRIVET_OK;
  }

 private:
  trivet_rope_table_params params_;
};

}  // namespace

OpResult make_rope_table(const OpRequest& request) {
  TRIVET_ASSIGN_OR_RETURN(const auto params, params_of<trivet_rope_table_params>(request.desc));
  TRIVET_RETURN_IF_ERROR(require_operands(request.desc, 0, 0, 0));
  TRIVET_RETURN_IF_ERROR(
      require(request.desc.output_domain == 0, "a rope table has one row per token"));
  TRIVET_RETURN_IF_ERROR(
      require(params.rotary_dim > 0 && params.rotary_dim % 2 == 0, "rotary_dim must be even"));
  TRIVET_RETURN_IF_ERROR(require(request.desc.output_cols == params.rotary_dim,
                                 "a rope table has rotary_dim columns"));
  TRIVET_RETURN_IF_ERROR(
      require(params.inv_freq != nullptr, "a rope table needs inverse frequencies"));
  return std::unique_ptr<Operation>(new RopeTable(params));
}

}  // namespace trivet::reference
