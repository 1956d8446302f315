#include "reference/arithmetic.h"
#include "reference/test_device.h"
#include "tensor/dequantize.h"

namespace trivet::reference {
namespace {

std::vector<float> dense(const WeightData& weight) {
  std::vector<float> values(weight.rows * weight.cols);
  for (int64_t r = 0; r < weight.rows; ++r)
    dequantize_row(weight.dtype, weight.bytes.data() + r * row_bytes(weight.dtype, weight.cols),
                   {values.data() + r * weight.cols, size_t(weight.cols)});
  return values;
}

// x W^T in double, for all segments side by side.
std::vector<double> exact_linear(const Matrix& x, const std::vector<const WeightData*>& weights,
                                 const std::vector<float>& bias) {
  std::vector<std::vector<float>> segments;
  for (const WeightData* weight : weights) segments.push_back(dense(*weight));
  std::vector<double> out;
  for (int64_t r = 0; r < x.rows; ++r) {
    size_t column = 0;
    for (const auto& segment : segments) {
      for (size_t w = 0; w < segment.size(); w += x.cols, ++column) {
        double sum = bias.empty() ? 0.0 : bias[column];
        for (int64_t c = 0; c < x.cols; ++c) sum += double(segment[w + c]) * x.row(r)[c];
        out.push_back(sum);
      }
    }
  }
  return out;
}

class LinearOfType : public ::testing::TestWithParam<DType> {};

TEST_P(LinearOfType, MatchesDoubleArithmeticForAllSegmentsAndRowCounts) {
  auto device = open_reference();
  const int64_t cols = 512;
  const WeightData a = random_weight(GetParam(), 13, cols, 1),
                   b = random_weight(GetParam(), 6, cols, 2);
  const auto bias = random_vector(19, 3, -1, 1);
  const trivet_linear_params params{.size = sizeof params, .bias = bias.data()};
  const OpSpec spec{.kind = TRIVET_OP_LINEAR,
                    .params = &params,
                    .input_cols = {cols},
                    .output_cols = 19,
                    .weights = {&a, &b}};
  for (int rows : {1, 2, 7, 33}) {
    const Matrix x = random_matrix(rows, cols, 4 + rows);
    const Matrix out = run_op(*device, spec, {x}, simple_step(rows));
    expect_close(out.values, exact_linear(x, spec.weights, bias), 5e-7);
  }
}

INSTANTIATE_TEST_SUITE_P(AllTypes, LinearOfType, ::testing::ValuesIn(conformance::weight_dtypes()),
                         [](const auto& info) { return std::string(dtype_name(info.param)); });

TEST(Linear, TakesAnyWidthOfFloats) {
  auto device = open_reference();
  for (int64_t cols : {1, 7, 8, 255, 263, 577}) {
    const WeightData weight = random_weight(DType::kF32, 5, cols, 1);
    const trivet_linear_params params{.size = sizeof params};
    const OpSpec spec{.kind = TRIVET_OP_LINEAR,
                      .params = &params,
                      .input_cols = {cols},
                      .output_cols = 5,
                      .weights = {&weight}};
    const Matrix x = random_matrix(3, cols, 2);
    expect_close(run_op(*device, spec, {x}, simple_step(3)).values,
                 exact_linear(x, spec.weights, {}), 1e-6);
  }
}

TEST(Linear, FusedNormActivationAndResidualGiveTheBitsOfTheirPieces) {
  auto device = open_reference();
  const int64_t rows = 5, cols = 96, features = 11;
  const WeightData gate = random_weight(DType::kQ8_0, features, cols, 1);
  const WeightData up = random_weight(DType::kQ8_0, features, cols, 2);
  const Matrix x = random_matrix(rows, cols, 3), residual = random_matrix(rows, features, 4);
  const auto norm = random_vector(cols, 5, 0.5f, 1.5f),
             bias = random_vector(2 * features, 6, -1, 1);
  const StepData step = simple_step(rows);

  const trivet_linear_params fused{sizeof fused, bias.data(),          norm.data(),
                                   1e-5f,        TRIVET_ACT_GELU_TANH, 1};
  const Matrix whole = run_op(*device,
                              {.kind = TRIVET_OP_LINEAR,
                               .params = &fused,
                               .input_cols = {cols, features},
                               .output_cols = features,
                               .weights = {&gate, &up},
                               .output_is_input = 1},
                              {x, residual}, step);

  const trivet_rms_norm_params norm_params{sizeof norm_params, norm.data(), 1e-5f, 0};
  const trivet_linear_params plain{.size = sizeof plain, .bias = bias.data()};
  const trivet_gated_activation_params act{sizeof act, TRIVET_ACT_GELU_TANH};
  const Matrix normal = run_op(*device,
                               {.kind = TRIVET_OP_RMS_NORM,
                                .params = &norm_params,
                                .input_cols = {cols},
                                .output_cols = cols},
                               {x}, step);
  const Matrix both = run_op(*device,
                             {.kind = TRIVET_OP_LINEAR,
                              .params = &plain,
                              .input_cols = {cols},
                              .output_cols = 2 * features,
                              .weights = {&gate, &up}},
                             {normal}, step);
  const Matrix gated = run_op(*device,
                              {.kind = TRIVET_OP_GATED_ACTIVATION,
                               .params = &act,
                               .input_cols = {2 * features},
                               .output_cols = features},
                              {both}, step);
  const Matrix pieces = run_op(
      *device, {.kind = TRIVET_OP_ADD, .input_cols = {features, features}, .output_cols = features},
      {residual, gated}, step);
  EXPECT_EQ(whole.values, pieces.values);
}

TEST(DotRows, GivesTheSameBitsForEveryTiling) {
  const int64_t cols = 1003;
  const Matrix w = random_matrix(9, cols, 1), x = random_matrix(7, cols, 2);
  std::vector<double> all(9 * 7);
  dot_rows(w.values.data(), 9, x.values.data(), 7, cols, cols, all.data(), 7);
  for (int i = 0; i < 9; ++i)
    for (int j = 0; j < 7; ++j) EXPECT_EQ(all[i * 7 + j], dot(w.row(i), x.row(j), cols));
}

}  // namespace
}  // namespace trivet::reference
