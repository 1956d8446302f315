#include "device/conformance/linear_tolerance.h"
#include "device/conformance/row_operation.h"

namespace trivet::conformance {
namespace {

constexpr int32_t kRows = 7;

// A linear with everything fused in, and the means to run it in pieces on one device.
class FusedLinear {
 public:
  FusedLinear(std::vector<DType> dtypes, int64_t cols, std::vector<int64_t> rows) : cols_(cols) {
    for (size_t i = 0; i < rows.size(); ++i)
      weights_.push_back(random_weight(dtypes[i], rows[i], cols, 40 + i));
    for (const WeightData& weight : weights_) total_rows_ += weight.rows;
    bias_ = random_vector(total_rows_, 45, -0.5f, 0.5f);
    norm_ = random_vector(cols, 46, 0.5f, 1.5f);
    x_ = random_matrix(kRows, cols, 47);
  }

  Result<Matrix> linear(Device& device, const Matrix& x, trivet_linear_params params,
                        const Matrix* residual, bool over_residual = false) const {
    params.size = sizeof params;
    const int64_t cols = params.activation != TRIVET_ACT_NONE ? total_rows_ / 2 : total_rows_;
    OpSpec spec{
        .kind = TRIVET_OP_LINEAR, .params = &params, .input_cols = {cols_}, .output_cols = cols};
    for (const WeightData& weight : weights_) spec.weights.push_back(&weight);
    std::vector<Matrix> inputs = {x};
    if (residual != nullptr) {
      params.add_residual = 1;
      spec.input_cols.push_back(cols);
      inputs.push_back(*residual);
      if (over_residual) spec.output_is_input = 1;
    }
    return run_once(device, spec, inputs, simple_step(kRows));
  }

  Result<Matrix> normalized(Device& device) const {
    const trivet_rms_norm_params params{sizeof params, norm_.data(), 1e-6f, 0};
    return run_once(device,
                    {.kind = TRIVET_OP_RMS_NORM,
                     .params = &params,
                     .input_cols = {cols_},
                     .output_cols = cols_},
                    {x_}, simple_step(kRows));
  }

  Result<Matrix> gated(Device& device, const Matrix& y, uint32_t activation) const {
    const trivet_gated_activation_params params{sizeof params, activation};
    return run_once(device,
                    {.kind = TRIVET_OP_GATED_ACTIVATION,
                     .params = &params,
                     .input_cols = {y.cols},
                     .output_cols = y.cols / 2},
                    {y}, simple_step(kRows));
  }

  Result<Matrix> added(Device& device, const Matrix& a, const Matrix& b) const {
    return run_once(device,
                    {.kind = TRIVET_OP_ADD, .input_cols = {a.cols, a.cols}, .output_cols = a.cols},
                    {a, b}, simple_step(kRows));
  }

  // Each segment by itself, side by side.
  Result<Matrix> segments_alone(Device& device) const {
    Matrix all{kRows, total_rows_, std::vector<float>(kRows * total_rows_)};
    int64_t first = 0;
    for (const WeightData& weight : weights_) {
      const trivet_linear_params params{.size = sizeof params, .bias = bias_.data() + first};
      TRIVET_ASSIGN_OR_RETURN(const Matrix part, run_once(device,
                                                          {.kind = TRIVET_OP_LINEAR,
                                                           .params = &params,
                                                           .input_cols = {cols_},
                                                           .output_cols = weight.rows,
                                                           .weights = {&weight}},
                                                          {x_}, simple_step(kRows)));
      for (int64_t r = 0; r < kRows; ++r)
        std::copy(part.row(r), part.row(r) + part.cols,
                  all.values.begin() + r * total_rows_ + first);
      first += weight.rows;
    }
    return all;
  }

  const Matrix& x() const { return x_; }
  const float* bias() const { return bias_.data(); }
  const float* norm() const { return norm_.data(); }
  Matrix residual(int64_t cols) const { return random_matrix(kRows, cols, 48); }
  int64_t total_rows() const { return total_rows_; }

 private:
  int64_t cols_, total_rows_ = 0;
  std::vector<WeightData> weights_;
  std::vector<float> bias_, norm_;
  Matrix x_;
};

Result<Deviation> same_bits(const Result<Matrix>& pieces, const Result<Matrix>& whole) {
  if (!whole) return whole.error();
  if (!pieces) return pieces.error();
  return deviation(ConformanceMeasure::kBits, *pieces, *whole);
}

void check_single(Session& session, DType dtype, int64_t cols) {
  const FusedLinear f({dtype}, cols, {49});
  const std::string name = std::string(dtype_name(dtype)) + " " + std::to_string(cols);
  Device& device = session.candidate();
  session.check(name + ": norm fused in = norm, linear", kSameBits, [&]() -> Result<Deviation> {
    TRIVET_ASSIGN_OR_RETURN(const Matrix normal, f.normalized(device));
    return same_bits(
        f.linear(device, normal, {.bias = f.bias()}, nullptr),
        f.linear(device, f.x(), {.bias = f.bias(), .norm_weight = f.norm(), .norm_eps = 1e-6f},
                 nullptr));
  });
  session.check(name + ": residual fused in = linear, add", kSameBits, [&]() -> Result<Deviation> {
    const Matrix residual = f.residual(f.total_rows());
    TRIVET_ASSIGN_OR_RETURN(const Matrix y, f.linear(device, f.x(), {}, nullptr));
    return same_bits(f.added(device, residual, y), f.linear(device, f.x(), {}, &residual));
  });
  session.check(name + ": output over the residual", kSameBits, [&] {
    const Matrix residual = f.residual(f.total_rows());
    return same_bits(f.linear(device, f.x(), {}, &residual),
                     f.linear(device, f.x(), {}, &residual, true));
  });
}

void check_segments(Session& session, const std::vector<DType>& dtypes, int64_t cols) {
  const FusedLinear f(dtypes, cols, {64, 33, 18});
  std::string name = "segments";
  for (const DType dtype : dtypes) name += " " + std::string(dtype_name(dtype));
  session.check(name + " = one by one", kSameBits, [&] {
    return same_bits(f.segments_alone(session.candidate()),
                     f.linear(session.candidate(), f.x(), {.bias = f.bias()}, nullptr));
  });
}

void check_gate(Session& session, DType gate_type, DType up_type, int64_t cols,
                uint32_t activation) {
  const FusedLinear f({gate_type, up_type}, cols, {77, 77});
  const std::string name = std::string(activation == TRIVET_ACT_SILU ? "silu " : "gelu_tanh ") +
                           std::string(dtype_name(gate_type)) + " " +
                           std::string(dtype_name(up_type)) + " " + std::to_string(cols);
  const trivet_linear_params fused{
      .bias = f.bias(), .norm_weight = f.norm(), .norm_eps = 1e-6f, .activation = activation};
  Device& device = session.candidate();
  // Two deviations multiply, and the slope of the activation reaches 1.1.
  const Tolerance one = linear_tolerance(gate_type);
  session.check(name, {one.measure, 2 * one.value}, [&]() -> Result<Deviation> {
    TRIVET_ASSIGN_OR_RETURN(const Matrix actual, f.linear(device, f.x(), fused, nullptr));
    TRIVET_ASSIGN_OR_RETURN(const Matrix expected,
                            f.linear(session.reference(), f.x(), fused, nullptr));
    return deviation(one.measure, expected, actual);
  });
  session.check(name + ": fused = norm, linear, gate", kSameBits, [&]() -> Result<Deviation> {
    TRIVET_ASSIGN_OR_RETURN(const Matrix normal, f.normalized(device));
    TRIVET_ASSIGN_OR_RETURN(const Matrix both,
                            f.linear(device, normal, {.bias = f.bias()}, nullptr));
    return same_bits(f.gated(device, both, activation), f.linear(device, f.x(), fused, nullptr));
  });
}

}  // namespace

void check_linear_fusion(Session& session) {
  session.begin_group("linear fusion");
  for (const DType dtype : weight_dtypes())
    check_single(session, dtype, block_shape(dtype).columns == 256 ? 512 : 576);
  check_segments(session, {DType::kQ4_K, DType::kQ4_K, DType::kQ6_K}, 512);
  check_segments(session, {DType::kQ5_0, DType::kQ5_0, DType::kQ8_0}, 896);
  check_segments(session, {DType::kQ4_1, DType::kQ4_1, DType::kQ4_1}, 576);
  check_segments(session, {DType::kBF16, DType::kBF16, DType::kBF16}, 576);
  for (const uint32_t activation : {TRIVET_ACT_SILU, TRIVET_ACT_GELU_TANH}) {
    for (const DType dtype : weight_dtypes())
      check_gate(session, dtype, dtype, block_shape(dtype).columns == 256 ? 512 : 576, activation);
    check_gate(session, DType::kQ4_K, DType::kQ6_K, 512, activation);
    check_gate(session, DType::kQ5_0, DType::kQ8_0, 896, activation);
  }
}

}  // namespace trivet::conformance
