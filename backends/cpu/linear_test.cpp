#include <algorithm>

#include "fixture.h"

namespace trivet::cpu::testing {
namespace {

constexpr DType kTypes[] = {DType::kF32,  DType::kF16,  DType::kBF16, DType::kQ4_0,
                            DType::kQ4_1, DType::kQ5_0, DType::kQ5_1, DType::kQ8_0,
                            DType::kQ4_K, DType::kQ5_K, DType::kQ6_K};

bool per_256(DType type) {
  return type == DType::kQ4_K || type == DType::kQ5_K || type == DType::kQ6_K;
}

float largest_of(const float* x, int64_t n) {
  float largest = 0;
  for (int64_t k = 0; k < n; ++k) largest = std::max(largest, std::fabs(x[k]));
  return largest;
}

// The sums of a group's integers that 16-bit dots bound: of halves, of one sign.
bool dots_fit_16_bits(const float* x, float inverse) {
  double positive = 0, negative = 0, half[2] = {0, 0};
  for (int k = 0; k < 32; ++k) {
    const double q = std::nearbyint(x[k] * inverse);
    (q > 0 ? positive : negative) += std::fabs(q);
    half[k / 16] += std::fabs(q);
  }
  return std::max(positive, negative) * 31 <= 32767 && std::max(half[0], half[1]) * 32 <= 32767;
}

// Activations as packed for a quantised weight: int8 with a scale per 32 columns; for the K types
// per 256, up to three times halved for a group of 32 of smaller values.
std::vector<double> as_quantized(const float* x, int64_t cols, DType type) {
  std::vector<double> y(x, x + cols);
  if (is_float(type)) return y;
  for (int64_t g = 0; g < cols; g += 32) {
    const int64_t unit = g / 256 * 256;
    const float largest = per_256(type) ? largest_of(x + unit, 256) : largest_of(x + g, 32);
    const float inverse = largest > 0 ? 127.0f / largest : 0.0f;
    float finer = 1;
    if (per_256(type)) {
      while (finer < 8 && 2 * finer * largest_of(x + g, 32) <= largest) finer *= 2;
      while (finer > 1 && !dots_fit_16_bits(x + g, inverse * finer)) finer /= 2;
    }
    for (int64_t k = g; k < g + 32; ++k)
      y[k] = std::nearbyint(x[k] * (inverse * finer)) * (largest / 127.0f / finer);
  }
  return y;
}

// Normal values whose groups of 32 have sizes from 1 to 1/16, some of them flat.
std::vector<float> uneven_values(Random& random, int64_t n) {
  std::vector<float> x = random.normals(n);
  for (int64_t i = 0; i < n; ++i) {
    const int64_t group = i / 32;
    if (group % 11 == 3) x[i] = std::copysign(1.0f, x[i]);
    x[i] = std::ldexp(x[i], -static_cast<int>(group * 7 % 5));
  }
  return x;
}

struct Problem {
  int64_t rows, cols;
  int m;
};

// Largest error of one product relative to the size of its terms.
double product_error(const std::vector<float>& x, const std::vector<float>& w, DType type,
                     const Problem& p, const std::vector<float>& out) {
  double worst = 0;
  for (int m = 0; m < p.m; ++m) {
    const std::vector<double> a = as_quantized(&x[m * p.cols], p.cols, type);
    for (int64_t n = 0; n < p.rows; ++n) {
      double sum = 0, size = 1e-6;
      for (int64_t k = 0; k < p.cols; ++k) {
        const double term = a[k] * w[n * p.cols + k];
        sum += term;
        size += std::fabs(term);
      }
      const double error = std::fabs(out[m * p.rows + n] - sum) / size;
      worst = error <= worst ? worst : error;  // keeps NaN
    }
  }
  return worst;
}

std::vector<Problem> problems_for(DType type) {
  if (is_float(type)) return {{1, 1, 1}, {33, 7, 2}, {64, 100, 5}, {31, 513, 7}, {100, 300, 13}};
  if (per_256(type))
    return {{1, 256, 1}, {33, 512, 2}, {64, 768, 5}, {31, 1280, 7}, {100, 256, 13}};
  return {{1, 32, 1}, {33, 64, 2}, {64, 576, 5}, {31, 96, 7}, {100, 1120, 13}};
}

TEST(Linear, MatchesDoubleReferenceOnEveryLevelAndType) {
  for (const std::string& level : levels()) {
    TestDevice device = make_device(level.c_str());
    for (DType type : kTypes) {
      for (const Problem& p : problems_for(type)) {
        Random random(7);
        const auto data = random_weight(type, p.rows, p.cols, random);
        const std::vector<float> x = uneven_values(random, p.m * p.cols);
        TestWeight weight(device.get(), type, p.rows, p.cols, data);
        const trivet_linear_params params = {sizeof params};
        TestOp op(device.get(), {TRIVET_OP_LINEAR,
                                 &params,
                                 {static_cast<int32_t>(p.cols)},
                                 static_cast<int32_t>(p.rows),
                                 {&weight}});
        std::vector<float> out(p.m * p.rows, NAN);
        ASSERT_EQ(op.run(rows_only(p.m), p.m, {x.data()}, out.data()), TRIVET_OK);
        const double error =
            product_error(x, dequantized(type, data, p.rows, p.cols), type, p, out);
        EXPECT_LT(error, 2e-6) << level << " " << dtype_name(type) << " " << p.rows << "x" << p.cols
                               << " m " << p.m;
      }
    }
  }
}

// Activations with one value far above the rest fill the integer range in both signs.
TEST(Linear, ExtremeActivationsAndWeightsDoNotOverflow) {
  for (const std::string& level : levels()) {
    TestDevice device = make_device(level.c_str());
    for (DType type : kTypes) {
      if (is_float(type)) continue;
      const Problem p = {32, 512, 4};
      Random random(3);
      auto data = random_weight(type, p.rows, p.cols, random);
      const BlockShape block = block_shape(type);
      const size_t tail = type == DType::kQ6_K ? 2 : 0;
      const size_t head =
          type == DType::kQ6_K
              ? 0
              : (type == DType::kQ4_0 || type == DType::kQ5_0 || type == DType::kQ8_0 ? 2 : 4);
      for (size_t at = 0; at < data.size(); at += block.bytes) {
        const std::byte fill = at / block.bytes % 2 ? std::byte{0xFF} : std::byte{0x80};
        std::fill(data.begin() + at + head, data.begin() + at + block.bytes - tail, fill);
      }
      std::vector<float> x(p.m * p.cols);
      for (size_t i = 0; i < x.size(); ++i)
        x[i] = i / 512 % 2 ? -3.0f : (i % 2 ? 5.0f : (i % 512 < 256 ? 5.0f : -5.0f));
      TestWeight weight(device.get(), type, p.rows, p.cols, data);
      const trivet_linear_params params = {sizeof params};
      TestOp op(device.get(), {TRIVET_OP_LINEAR, &params, {512}, 32, {&weight}});
      std::vector<float> out(p.m * p.rows, NAN);
      ASSERT_EQ(op.run(rows_only(p.m), p.m, {x.data()}, out.data()), TRIVET_OK);
      EXPECT_LT(product_error(x, dequantized(type, data, p.rows, p.cols), type, p, out), 2e-6)
          << level << " " << dtype_name(type);
    }
  }
}

TEST(Linear, ARowHasTheSameBitsAloneAndInEveryBatchOnAnyThreads) {
  constexpr int kMost = 400;
  for (const std::string& level : levels()) {
    TestDevice one = make_device(level.c_str(), 1), two = make_device(level.c_str(), 2),
               three = make_device(level.c_str(), 3);
    const bool fast = level.rfind("avx512", 0) == 0;
    for (DType type : kTypes) {
      const int64_t rows = 70, cols = per_256(type) ? 1280 : 1120;
      Random random(11);
      const auto data = random_weight(type, rows, cols, random);
      const std::vector<float> x = uneven_values(random, kMost * cols);
      TestWeight weight(one.get(), type, rows, cols, data);
      const trivet_linear_params params = {sizeof params};
      const OpSpec spec = {TRIVET_OP_LINEAR,
                           &params,
                           {static_cast<int32_t>(cols)},
                           static_cast<int32_t>(rows),
                           {&weight}};
      TestOp op1(one.get(), spec), op2(two.get(), spec), op3(three.get(), spec);
      std::vector<float> alone(kMost * rows), batch(kMost * rows);
      for (int m = 0; m < kMost; ++m) {
        ASSERT_EQ(op1.run(rows_only(1), 1, {&x[m * cols]}, &alone[m * rows]), TRIVET_OK);
      }
      std::vector<int> sizes = {2, 3, 7, 64, 130, 193, 400};
      if (fast)
        sizes = {2,  3,  4,  5,  6,  7,   8,   9,   10,  11,  12, 13,
                 16, 17, 31, 32, 64, 100, 127, 130, 192, 193, 400};
      for (int m : sizes) {
        TestOp& op = m % 2 ? op3 : op2;
        std::fill(batch.begin(), batch.end(), NAN);
        ASSERT_EQ(op.run(rows_only(m), m, {x.data()}, batch.data()), TRIVET_OK);
        EXPECT_TRUE(same_bits(batch.data(), alone.data(), m * rows))
            << level << " " << dtype_name(type) << " m " << m;
      }
      // The last rows first: order does not matter either.
      std::vector<float> turned(x.end() - 9 * cols, x.end());
      ASSERT_EQ(op2.run(rows_only(9), 9, {turned.data()}, batch.data()), TRIVET_OK);
      EXPECT_TRUE(same_bits(batch.data(), &alone[(kMost - 9) * rows], 9 * rows))
          << level << " " << dtype_name(type);
    }
  }
}

TEST(Linear, FusedNormBiasActivationAndResidualGiveTheBitsOfTheirPieces) {
  const int64_t cols = 512, rows = 72;
  const int m = 9;
  for (const std::string& level : levels()) {
    TestDevice device = make_device(level.c_str());
    for (uint32_t activation : {TRIVET_ACT_NONE, TRIVET_ACT_SILU, TRIVET_ACT_GELU_TANH}) {
      Random random(5);
      const bool gated = activation != TRIVET_ACT_NONE;
      const auto first = random_weight(DType::kQ4_K, rows, cols, random),
                 second = random_weight(DType::kQ5_0, rows, cols, random);
      TestWeight a(device.get(), DType::kQ4_K, rows, cols, first),
          b(device.get(), DType::kQ5_0, rows, cols, second);
      const std::vector<float> x = random.normals(m * cols), bias = random.normals(2 * rows),
                               norm = random.normals(cols);
      const int out_cols = static_cast<int>(gated ? rows : 2 * rows);
      const std::vector<float> residual = random.normals(m * out_cols);

      trivet_linear_params fused = {sizeof fused, bias.data(), norm.data(), 1e-5f, activation, 1};
      TestOp all(device.get(), {TRIVET_OP_LINEAR, &fused, {512, out_cols}, out_cols, {&a, &b}});
      std::vector<float> got = residual;
      ASSERT_EQ(all.run(rows_only(m), m, {x.data(), got.data()}, got.data()), TRIVET_OK);

      const trivet_rms_norm_params norm_params = {sizeof norm_params, norm.data(), 1e-5f, 0};
      TestOp norm_op(device.get(), {TRIVET_OP_RMS_NORM, &norm_params, {512}, 512});
      std::vector<float> normed(m * cols), both(m * 2 * rows), out(m * out_cols);
      ASSERT_EQ(norm_op.run(rows_only(m), m, {x.data()}, normed.data()), TRIVET_OK);
      trivet_linear_params plain = {sizeof plain, bias.data()};
      TestOp linear(device.get(),
                    {TRIVET_OP_LINEAR, &plain, {512}, static_cast<int32_t>(2 * rows), {&a, &b}});
      ASSERT_EQ(linear.run(rows_only(m), m, {normed.data()}, both.data()), TRIVET_OK);
      if (gated) {
        const trivet_gated_activation_params gate = {sizeof gate, activation};
        TestOp gate_op(
            device.get(),
            {TRIVET_OP_GATED_ACTIVATION, &gate, {static_cast<int32_t>(2 * rows)}, out_cols});
        ASSERT_EQ(gate_op.run(rows_only(m), m, {both.data()}, out.data()), TRIVET_OK);
      } else {
        out = both;
      }
      TestOp add(device.get(), {TRIVET_OP_ADD, nullptr, {out_cols, out_cols}, out_cols});
      ASSERT_EQ(add.run(rows_only(m), m, {residual.data(), out.data()}, out.data()), TRIVET_OK);
      EXPECT_TRUE(same_bits(got.data(), out.data(), m * out_cols))
          << level << " activation " << activation;
    }
  }
}

// 15 bits of activations leave a 200th of the rounding error of 8 bits, and the same bits in any
// batch.
TEST(Linear, FineActivationsLoseAlmostNothingAndKeepTheExactnessContract) {
  constexpr int kMost = 200;
  for (const std::string& level : levels()) {
    TestDevice one = make_device(level.c_str(), 1), two = make_device(level.c_str(), 2);
    for (DType type : kTypes) {
      const int64_t rows = 70, cols = 1280;
      Random random(17);
      const auto data = random_weight(type, rows, cols, random);
      const std::vector<float> x = uneven_values(random, kMost * cols);
      TestWeight weight(one.get(), type, rows, cols, data);
      trivet_linear_params params = {sizeof params};
      params.fine_activations = 1;
      const OpSpec spec = {TRIVET_OP_LINEAR, &params, {1280}, 70, {&weight}};
      TestOp op1(one.get(), spec), op2(two.get(), spec);
      std::vector<float> alone(kMost * rows), batch(kMost * rows);
      for (int m = 0; m < kMost; ++m) {
        ASSERT_EQ(op1.run(rows_only(1), 1, {&x[m * cols]}, &alone[m * rows]), TRIVET_OK);
      }
      for (int m : {2, 3, 5, 6, 7, 32, 95, 96, 97, 191, 200}) {
        ASSERT_EQ(op2.run(rows_only(m), m, {x.data()}, batch.data()), TRIVET_OK);
        EXPECT_TRUE(same_bits(batch.data(), alone.data(), m * rows))
            << level << " " << dtype_name(type) << " m " << m;
      }
      const Problem p = {rows, cols, 8};
      EXPECT_LT(product_error(x, dequantized(type, data, rows, cols), DType::kF32, p, alone), 1e-5)
          << level << " " << dtype_name(type);
    }
  }
}

TEST(Linear, FourSegmentsOfDifferentTypesLieSideBySide) {
  const int64_t cols = 256;
  const int m = 3;
  TestDevice device = make_device();
  Random random(9);
  const DType types[4] = {DType::kQ4_K, DType::kQ8_0, DType::kBF16, DType::kQ6_K};
  const int64_t rows[4] = {40, 8, 33, 16};
  std::vector<std::vector<std::byte>> data;
  std::vector<std::unique_ptr<TestWeight>> weights;
  for (int i = 0; i < 4; ++i) {
    data.push_back(random_weight(types[i], rows[i], cols, random));
    weights.push_back(
        std::make_unique<TestWeight>(device.get(), types[i], rows[i], cols, data.back()));
  }
  const std::vector<float> x = random.normals(m * cols);
  const trivet_linear_params params = {sizeof params};
  TestOp op(device.get(),
            {TRIVET_OP_LINEAR,
             &params,
             {256},
             97,
             {weights[0].get(), weights[1].get(), weights[2].get(), weights[3].get()}});
  std::vector<float> out(m * 97, NAN);
  ASSERT_EQ(op.run(rows_only(m), m, {x.data()}, out.data()), TRIVET_OK);
  int column = 0;
  for (int i = 0; i < 4; ++i) {
    std::vector<float> part;
    for (int r = 0; r < m; ++r)
      part.insert(part.end(), &out[r * 97 + column], &out[r * 97 + column] + rows[i]);
    EXPECT_LT(product_error(x, dequantized(types[i], data[i], rows[i], cols), types[i],
                            {rows[i], cols, m}, part),
              2e-6)
        << i;
    column += static_cast<int>(rows[i]);
  }
}

TEST(Linear, RefusesWhatItCannotDo) {
  TestDevice device = make_device();
  const trivet_linear_params params = {sizeof params};
  trivet_op_desc d = {};
  d.size = sizeof d;
  d.kind = TRIVET_OP_LINEAR;
  d.params = &params;
  d.num_inputs = d.num_weights = 1;
  d.input_cols[0] = 256;
  d.output_cols = 32;
  d.weight_descs[0] = {
      sizeof(trivet_weight_desc), TRIVET_WEIGHT_LINEAR, TRIVET_Q4_K, 32, 256, nullptr};
  EXPECT_EQ(table().op_supported(device.get(), &d), 1);
  d.output_cols = 31;
  EXPECT_EQ(table().op_supported(device.get(), &d), 0) << "rows and output columns differ";
  d.output_cols = 32;
  d.weight_descs[0].cols = 255;
  EXPECT_EQ(table().op_supported(device.get(), &d), 0) << "not whole blocks";
  d.weight_descs[0].cols = 256;
  d.weight_descs[0].dtype = TRIVET_I32;
  EXPECT_EQ(table().op_supported(device.get(), &d), 0) << "not a weight type";
  EXPECT_EQ(table().weight_bytes(device.get(), &d.weight_descs[0]), UINT64_MAX);
}

}  // namespace
}  // namespace trivet::cpu::testing
