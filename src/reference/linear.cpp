#include <array>

#include "reference/arithmetic.h"
#include "reference/operation.h"
#include "tensor/dequantize.h"

namespace trivet::reference {
namespace {

// Output features whose weights are dequantised together, and activation rows that they meet at a
// time.
constexpr int kStripRows = 4;
constexpr int64_t kBatchRows = 32;

uint64_t round_up(uint64_t bytes) { return (bytes + 63) / 64 * 64; }

class Linear final : public Operation {
 public:
  Linear(const trivet_linear_params& params, const OpRequest& request)
      : params_(params),
        num_segments_(request.desc.num_weights),
        cols_(request.desc.input_cols[0]),
        output_cols_(request.desc.output_cols),
        num_threads_(request.num_threads),
        normal_bytes_(params.norm_weight ? round_up(request.max_rows() * cols_ * sizeof(float))
                                         : 0) {
    for (int s = 0; s < num_segments_; ++s) segments_[s] = request.weight(s);
  }

  uint64_t workspace_bytes() const override { return normal_bytes_ + num_threads_ * strip_bytes(); }

  trivet_status run(const trivet_run& run, ThreadPool& pool) const override {
    const float* x = run.inputs[0];
    if (params_.norm_weight) x = normalize(run, pool);
    int64_t first_out = 0;
    const int step = gated() ? num_segments_ : 1;
    for (int s = 0; s < num_segments_; s += step) {
      run_segment(run, x, s, first_out, pool);
      first_out += segments_[s]->rows;
    }
    return TRIVET_OK;
  }

 private:
  using Sums = double[kStripRows][kBatchRows];

  bool gated() const { return params_.activation != TRIVET_ACT_NONE; }
  uint64_t strip_bytes() const {
    return round_up((gated() ? 2 : 1) * kStripRows * cols_ * sizeof(float));
  }

  const float* normalize(const trivet_run& run, ThreadPool& pool) const {
    float* normal = static_cast<float*>(run.workspace);
    pool.parallel_for(run.num_rows, rows_per_range(cols_), [&](int64_t begin, int64_t end, int) {
      for (int64_t r = begin; r < end; ++r)
        rms_normalize(run.inputs[0] + r * cols_, params_.norm_weight, params_.norm_eps, cols_,
                      normal + r * cols_);
    });
    return normal;
  }

  void run_segment(const trivet_run& run, const float* x, int s, int64_t first_out,
                   ThreadPool& pool) const {
    pool.parallel_for(segments_[s]->rows, kStripRows, [&](int64_t begin, int64_t end, int worker) {
      float* strip = reinterpret_cast<float*>(static_cast<std::byte*>(run.workspace) +
                                              normal_bytes_ + worker * strip_bytes());
      for (int64_t first = begin; first < end; first += kStripRows) {
        const int count = static_cast<int>(std::min<int64_t>(kStripRows, end - first));
        run_strip(run, x, s, first, count, first_out, strip);
      }
    });
  }

  void dequantize_strip(const Weight& weight, int64_t first, int count, float* strip) const {
    for (int i = 0; i < count; ++i)
      dequantize_row(weight.dtype, weight.row(first + i),
                     {strip + i * cols_, static_cast<size_t>(cols_)});
  }

  // Output features [first, first + count) of segment s (with a gate: of both weights) for all
  // rows.
  void run_strip(const trivet_run& run, const float* x, int s, int64_t first, int count,
                 int64_t first_out, float* strip) const {
    float* up_strip = strip + kStripRows * cols_;
    dequantize_strip(*segments_[s], first, count, strip);
    if (gated()) dequantize_strip(*segments_[s + 1], first, count, up_strip);
    Sums sums, up_sums;
    for (int64_t r = 0; r < run.num_rows; r += kBatchRows) {
      const int64_t rows = std::min(kBatchRows, run.num_rows - r);
      dot_rows(strip, count, x + r * cols_, rows, cols_, cols_, sums[0], kBatchRows);
      if (gated())
        dot_rows(up_strip, count, x + r * cols_, rows, cols_, cols_, up_sums[0], kBatchRows);
      for (int64_t j = 0; j < rows; ++j)
        for (int i = 0; i < count; ++i)
          store(run, r + j, first_out + first + i, sums[i][j], gated() ? up_sums[i][j] : 0.0);
    }
  }

  void store(const trivet_run& run, int64_t row, int64_t out, double sum, double up_sum) const {
    if (params_.bias) sum += params_.bias[out];
    float y = static_cast<float>(sum);
    if (gated()) {
      if (params_.bias) up_sum += params_.bias[output_cols_ + out];
      y = activate(params_.activation, y) * static_cast<float>(up_sum);
    }
    const int64_t at = row * output_cols_ + out;
    run.output[at] = params_.add_residual ? run.inputs[1][at] + y : y;
  }

  trivet_linear_params params_;
  int num_segments_;
  std::array<const Weight*, TRIVET_MAX_WEIGHTS> segments_{};
  int64_t cols_, output_cols_;
  int num_threads_;
  uint64_t normal_bytes_;
};

Result<void> check_shapes(const OpRequest& request, const trivet_linear_params& params) {
  const trivet_op_desc& desc = request.desc;
  int64_t rows = 0;
  for (int s = 0; s < desc.num_weights; ++s) {
    TRIVET_RETURN_IF_ERROR(require(request.weight_cols(s) == desc.input_cols[0],
                                   "linear: weight and input differ in columns"));
    rows += request.weight_rows(s);
  }
  if (params.activation != TRIVET_ACT_NONE) {
    TRIVET_RETURN_IF_ERROR(
        require(params.activation <= TRIVET_ACT_GELU_TANH, "linear: unknown activation"));
    TRIVET_RETURN_IF_ERROR(
        require(desc.num_weights == 2 && request.weight_rows(0) == request.weight_rows(1),
                "linear: an activation needs two weights of equal rows"));
    rows /= 2;
  }
  TRIVET_RETURN_IF_ERROR(require(rows == desc.output_cols,
                                 "linear: the output must have the weights' rows as columns"));
  return require(!params.add_residual || desc.input_cols[1] == desc.output_cols,
                 "linear: the residual must have the columns of the output");
}

}  // namespace

OpResult make_linear(const OpRequest& request) {
  TRIVET_ASSIGN_OR_RETURN(const auto params, params_of<trivet_linear_params>(request.desc));
  TRIVET_RETURN_IF_ERROR(
      require_operands(request.desc, params.add_residual ? 2 : 1, 1, TRIVET_MAX_WEIGHTS));
  TRIVET_RETURN_IF_ERROR(check_shapes(request, params));
  return std::unique_ptr<Operation>(new Linear(params, request));
}

}  // namespace trivet::reference
