#include "reference/operation.h"
#include "tensor/dequantize.h"

namespace trivet::reference {
namespace {

class Embedding final : public Operation {
 public:
  Embedding(const Weight* weight, int64_t cols, float scale)
      : weight_(weight), cols_(cols), scale_(scale) {}

  trivet_status run(const trivet_run& run, ThreadPool& pool) const override {
    const int32_t* tokens = run.step->tokens;
    for (int64_t r = 0; r < run.num_rows; ++r)
      if (tokens[r] < 0 || tokens[r] >= weight_->rows) return TRIVET_INVALID_ARGUMENT;
    pool.parallel_for(run.num_rows, rows_per_range(cols_), [&](int64_t begin, int64_t end, int) {
      for (int64_t r = begin; r < end; ++r) {
        float* out = run.output + r * cols_;
        dequantize_row(weight_->dtype, weight_->row(tokens[r]), {out, static_cast<size_t>(cols_)});
        for (int64_t c = 0; c < cols_; ++c) out[c] *= scale_;
      }
    });
    return TRIVET_OK;
  }

 private:
  const Weight* weight_;
  int64_t cols_;
  float scale_;
};

}  // namespace

OpResult make_embedding(const OpRequest& request) {
  TRIVET_ASSIGN_OR_RETURN(const auto params, params_of<trivet_embedding_params>(request.desc));
  TRIVET_RETURN_IF_ERROR(require_operands(request.desc, 0, 1, 1));
  TRIVET_RETURN_IF_ERROR(
      require(request.desc.output_domain == 0, "embedding makes one row per token"));
  TRIVET_RETURN_IF_ERROR(require(request.desc.output_cols == request.weight_cols(0),
                                 "embedding: the output must have the columns of the weight"));
  return std::unique_ptr<Operation>(
      new Embedding(request.weight(0), request.desc.output_cols, params.scale));
}

}  // namespace trivet::reference
