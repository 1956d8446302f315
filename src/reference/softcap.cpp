#include "reference/arithmetic.h"
#include "reference/operation.h"

namespace trivet::reference {
namespace {

class Softcap final : public Operation {
 public:
  Softcap(float cap, int64_t cols) : cap_(cap), cols_(cols) {}

  trivet_status run(const trivet_run& run, ThreadPool& pool) const override {
    pool.parallel_for(run.num_rows * cols_, 16384, [&](int64_t begin, int64_t end, int) {
      for (int64_t i = begin; i < end; ++i) run.output[i] = softcap(run.inputs[0][i], cap_);
    });
    return TRIVET_OK;
  }

 private:
  float cap_;
  int64_t cols_;
};

}  // namespace

OpResult make_softcap(const OpRequest& request) {
  const trivet_op_desc& desc = request.desc;
  TRIVET_ASSIGN_OR_RETURN(const auto params, params_of<trivet_softcap_params>(desc));
  TRIVET_RETURN_IF_ERROR(require_operands(desc, 1, 0, 0));
  TRIVET_RETURN_IF_ERROR(require(params.cap > 0.0f, "softcap: the cap must be above 0"));
  TRIVET_RETURN_IF_ERROR(require(desc.input_cols[0] == desc.output_cols,
                                 "softcap: input and output must have equal columns"));
  return std::unique_ptr<Operation>(new Softcap(params.cap, desc.output_cols));
}

}  // namespace trivet::reference
