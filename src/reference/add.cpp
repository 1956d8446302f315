#include "reference/operation.h"

namespace trivet::reference {
namespace {

class Add final : public Operation {
 public:
  explicit Add(int64_t cols) : cols_(cols) {}

  trivet_status run(const trivet_run& run, ThreadPool&) const override {
    const int64_t count = run.num_rows * cols_;
    for (int64_t i = 0; i < count; ++i) run.output[i] = run.inputs[0][i] + run.inputs[1][i];
    return TRIVET_OK;
  }

 private:
  int64_t cols_;
};

}  // namespace

OpResult make_add(const OpRequest& request) {
  const trivet_op_desc& desc = request.desc;
  TRIVET_RETURN_IF_ERROR(require_operands(desc, 2, 0, 0));
  TRIVET_RETURN_IF_ERROR(
      require(desc.input_cols[0] == desc.output_cols && desc.input_cols[1] == desc.output_cols,
              "add: inputs and output must have equal columns"));
  return std::unique_ptr<Operation>(new Add(desc.output_cols));
}

}  // namespace trivet::reference
