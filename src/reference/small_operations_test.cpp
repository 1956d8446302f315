// The operations that fit in a line of arithmetic, by hand values and by double arithmetic.
#include <gmock/gmock.h>

#include <cstring>

#include "reference/test_device.h"

namespace trivet::reference {
namespace {

using ::testing::ElementsAre;
using ::testing::FloatEq;

const Matrix kTwoRows{2, 2, {1, 2, 3, 4}};

TEST(Add, AddsAndMayOverwriteEitherInput) {
  auto device = open_reference();
  const Matrix other{2, 2, {10, 20, 30, 40}};
  OpSpec spec{.kind = TRIVET_OP_ADD, .input_cols = {2, 2}, .output_cols = 2};
  for (int alias : {-1, 0, 1}) {
    spec.output_is_input = alias;
    EXPECT_THAT(run_op(*device, spec, {kTwoRows, other}, simple_step(2)).values,
                ElementsAre(11, 22, 33, 44));
  }
}

TEST(Scale, Multiplies) {
  auto device = open_reference();
  const trivet_scale_params params{sizeof params, -0.5f};
  const OpSpec spec{
      .kind = TRIVET_OP_SCALE, .params = &params, .input_cols = {2}, .output_cols = 2};
  EXPECT_THAT(run_op(*device, spec, {kTwoRows}, simple_step(2)).values,
              ElementsAre(-0.5f, -1, -1.5f, -2));
}

TEST(GatherRows, TakesRowsInAnyOrderAndAgain) {
  auto device = open_reference();
  const OpSpec spec{
      .kind = TRIVET_OP_GATHER_ROWS, .input_cols = {2}, .output_cols = 2, .output_domain = 1};
  StepData step = simple_step(2);
  step.output_rows = {1, 0, 1};
  EXPECT_THAT(run_op(*device, spec, {kTwoRows}, step).values, ElementsAre(3, 4, 1, 2, 3, 4));
}

TEST(GatherRows, RefusesARowThatIsNotThere) {
  auto device = open_reference();
  const OpSpec spec{
      .kind = TRIVET_OP_GATHER_ROWS, .input_cols = {2}, .output_cols = 2, .output_domain = 1};
  StepData step = simple_step(2);
  auto runner = OpRunner::create(*device, spec);
  for (int32_t row : {-1, 2}) {
    step.output_rows = {row};
    EXPECT_EQ((*runner)->run({kTwoRows}, step).error().code(), ErrorCode::kInvalidArgument);
  }
}

TEST(Softcap, BoundsByTanh) {
  auto device = open_reference();
  const trivet_softcap_params params{sizeof params, 30.0f};
  const OpSpec spec{
      .kind = TRIVET_OP_SOFTCAP, .params = &params, .input_cols = {4}, .output_cols = 4};
  const Matrix out = run_op(*device, spec, {{1, 4, {0, 30, -1000, 3}}}, simple_step(1));
  EXPECT_THAT(out.values, ElementsAre(0, FloatEq(30 * std::tanh(1.0)), FloatEq(-30),
                                      FloatEq(30 * std::tanh(0.1))));
}

TEST(GatedActivation, MultipliesTheActivatedGate) {
  auto device = open_reference();
  trivet_gated_activation_params params{sizeof params, TRIVET_ACT_SILU};
  const OpSpec spec{
      .kind = TRIVET_OP_GATED_ACTIVATION, .params = &params, .input_cols = {4}, .output_cols = 2};
  const Matrix x{1, 4, {1, -2, 10, 100}};
  EXPECT_THAT(run_op(*device, spec, {x}, simple_step(1)).values,
              ElementsAre(FloatEq(10 / (1 + std::exp(-1.0))), FloatEq(-200 / (1 + std::exp(2.0)))));
  params.activation = TRIVET_ACT_GELU_TANH;  // 0.8411920, -0.0454023 for the tanh form
  const Matrix gelu = run_op(*device, spec, {x}, simple_step(1));
  EXPECT_NEAR(gelu.values[0], 8.411920, 1e-5);
  EXPECT_NEAR(gelu.values[1], -4.54023, 1e-4);
}

TEST(RmsNorm, MatchesDoubleArithmeticWithAndWithoutResidual) {
  auto device = open_reference();
  const int64_t rows = 7, cols = 576;
  const Matrix x = random_matrix(rows, cols, 1, 3.0f), residual = random_matrix(rows, cols, 2);
  const auto weight = random_vector(cols, 3, 0.5f, 1.5f);
  std::vector<double> exact;
  for (int64_t r = 0; r < rows; ++r) {
    double squares = 0;
    for (int64_t c = 0; c < cols; ++c) squares += double(x.row(r)[c]) * x.row(r)[c];
    for (int64_t c = 0; c < cols; ++c)
      exact.push_back(x.row(r)[c] / std::sqrt(squares / cols + 1e-5) * weight[c]);
  }
  trivet_rms_norm_params params{sizeof params, weight.data(), 1e-5f, 0};
  OpSpec spec{
      .kind = TRIVET_OP_RMS_NORM, .params = &params, .input_cols = {cols}, .output_cols = cols};
  const Matrix plain = run_op(*device, spec, {x}, simple_step(rows));
  expect_close(plain.values, exact, 1e-6);

  params.add_residual = 1;
  spec.input_cols = {cols, cols};
  for (int alias : {-1, 1}) {
    spec.output_is_input = alias;
    const Matrix sum = run_op(*device, spec, {x, residual}, simple_step(rows));
    for (size_t i = 0; i < exact.size(); ++i)
      EXPECT_EQ(sum.values[i], residual.values[i] + plain.values[i]);
  }
}

TEST(HeadNorm, TouchesOnlyItsHeads) {
  auto device = open_reference();
  const std::vector<float> weight = {1, 2};
  const trivet_head_norm_params params{sizeof params, 1, 2, 2, weight.data(), 0.0f};
  const OpSpec spec{.kind = TRIVET_OP_HEAD_NORM,
                    .params = &params,
                    .input_cols = {6},
                    .output_cols = 6,
                    .output_is_input = 0};
  const Matrix out = run_op(*device, spec, {{1, 6, {9, 3, 4, 1, 1, 9}}}, simple_step(1));
  const double rms = std::sqrt(12.5);
  EXPECT_THAT(out.values, ElementsAre(9, FloatEq(3 / rms), FloatEq(8 / rms), 1, 2, 9));
}

TEST(RopeTable, RoundsTheAngleToFloat) {
  auto device = open_reference();
  const std::vector<float> inv_freq = {1.0f, 0.1f};
  const trivet_rope_table_params params{sizeof params, 4, inv_freq.data(), 2.0f};
  const OpSpec spec{.kind = TRIVET_OP_ROPE_TABLE, .params = &params, .output_cols = 4};
  StepData step;
  step.add_sequence(12345, 1);
  const Matrix out = run_op(*device, spec, {}, step);
  const double small_angle = 12345.0f * 0.1f;
  EXPECT_THAT(out.values,
              ElementsAre(FloatEq(2 * std::cos(12345.0)), FloatEq(2 * std::cos(small_angle)),
                          FloatEq(2 * std::sin(12345.0)), FloatEq(2 * std::sin(small_angle))));
}

TEST(Rope, RotatesPairsOfEitherStyleAndLeavesTheRest) {
  auto device = open_reference();
  // cos 0.6, sin 0.8 for the first pair, the identity for the second.
  const Matrix table{1, 4, {0.6f, 1, 0.8f, 0}};
  const Matrix x{1, 7, {9, 1, 2, 3, 4, 5, 6}};
  trivet_rope_params params{sizeof params, 1, 1, 6, 4, TRIVET_ROPE_HALF};
  const OpSpec spec{.kind = TRIVET_OP_ROPE,
                    .params = &params,
                    .input_cols = {7, 4},
                    .output_cols = 7,
                    .output_is_input = 0};
  EXPECT_THAT(run_op(*device, spec, {x, table}, simple_step(1)).values,
              ElementsAre(9, FloatEq(0.6 - 2.4), 2, FloatEq(1.8 + 0.8), 4, 5, 6));
  params.style = TRIVET_ROPE_INTERLEAVED;
  EXPECT_THAT(run_op(*device, spec, {x, table}, simple_step(1)).values,
              ElementsAre(9, FloatEq(0.6 - 1.6), FloatEq(1.2 + 0.8), 3, 4, 5, 6));
}

TEST(Embedding, LooksUpScaledRowsAndRefusesUnknownTokens) {
  auto device = open_reference();
  WeightData weight{DType::kF32, 3, 2, std::vector<std::byte>(24)};
  const float values[] = {1, 2, 3, 4, 5, 6};
  std::memcpy(weight.bytes.data(), values, sizeof values);
  const trivet_embedding_params params{sizeof params, 10.0f};
  const OpSpec spec{
      .kind = TRIVET_OP_EMBEDDING, .params = &params, .output_cols = 2, .weights = {&weight}};
  StepData step = simple_step(2);
  step.tokens = {2, 0};
  EXPECT_THAT(run_op(*device, spec, {}, step).values, ElementsAre(50, 60, 10, 20));
  auto runner = OpRunner::create(*device, spec);
  for (int32_t token : {-1, 3}) {
    step.tokens[1] = token;
    EXPECT_EQ((*runner)->run({}, step).error().code(), ErrorCode::kInvalidArgument);
  }
}

}  // namespace
}  // namespace trivet::reference
