#include <functional>

#include "fixture.h"

namespace trivet::cpu::testing {
namespace {

// Runs body(device, level) on every level.
void on_every_level(const std::function<void(trivet_device*, const std::string&)>& body) {
  for (const std::string& level : levels()) {
    TestDevice device = make_device(level.c_str());
    body(device.get(), level);
  }
}

constexpr int kWidths[] = {1, 15, 16, 17, 64, 576, 1001};

TEST(RowOperations, RmsNormMatchesItsFormulaAndAddsTheResidual) {
  on_every_level([](trivet_device* device, const std::string& level) {
    for (int width : kWidths) {
      Random random(1);
      const int rows = 3;
      const std::vector<float> x = random.normals(rows * width), weight = random.normals(width);
      std::vector<float> out = random.normals(rows * width);
      const std::vector<float> residual = out;
      const trivet_rms_norm_params params = {sizeof params, weight.data(), 1e-5f, 1};
      TestOp op(device, {TRIVET_OP_RMS_NORM, &params, {width, width}, width});
      ASSERT_EQ(op.run(rows_only(rows), rows, {x.data(), out.data()}, out.data()), TRIVET_OK);
      for (int r = 0; r < rows; ++r) {
        double squares = 0;
        for (int i = 0; i < width; ++i) squares += double(x[r * width + i]) * x[r * width + i];
        for (int i = 0; i < width; ++i) {
          const double y = x[r * width + i] / std::sqrt(squares / width + 1e-5) * weight[i] +
                           residual[r * width + i];
          ASSERT_NEAR(out[r * width + i], y, 3e-6 * (1 + std::fabs(y)))
              << level << " width " << width;
        }
      }
    }
  });
}

TEST(RowOperations, ActivationsAndSoftcapAreAccurateOverTheirWholeRange) {
  on_every_level([](trivet_device* device, const std::string& level) {
    const int n = 4001;
    std::vector<float> in(2 * n), out(n);
    for (int i = 0; i < n; ++i) {
      in[i] = (i - n / 2) * 0.05f;
      in[n + i] = 1.0f;
    }
    auto check = [&](const char* name, const std::function<double(double)>& f, double relative) {
      for (int i = 0; i < n; ++i) {
        const double y = f(in[i]);
        ASSERT_NEAR(out[i], y, relative * std::fabs(y) + 1e-35)
            << level << " " << name << " of " << in[i];
      }
    };
    for (uint32_t activation : {TRIVET_ACT_SILU, TRIVET_ACT_GELU_TANH}) {
      const trivet_gated_activation_params params = {sizeof params, activation};
      TestOp op(device, {TRIVET_OP_GATED_ACTIVATION, &params, {2 * n}, n});
      ASSERT_EQ(op.run(rows_only(1), 1, {in.data()}, out.data()), TRIVET_OK);
      if (activation == TRIVET_ACT_SILU) {
        check("silu", [](double x) { return x < -86.9 ? 0 : x / (1 + std::exp(-x)); }, 1e-5);
      } else {
        check(
            "gelu",
            [](double x) {
              const double u = 0.7978845608028654 * (x + 0.044715 * x * x * x);
              return u < -43 ? 0 : x / (1 + std::exp(-2 * u));
            },
            2e-5);
      }
    }
    const trivet_softcap_params params = {sizeof params, 3.0f};
    TestOp op(device, {TRIVET_OP_SOFTCAP, &params, {n}, n});
    ASSERT_EQ(op.run(rows_only(1), 1, {in.data()}, out.data()), TRIVET_OK);
    check("softcap", [](double x) { return 3 * std::tanh(x / 3); }, 1e-6);
  });
}

TEST(RowOperations, RopeTableRoundsTheAngleToSingleBeforeCosine) {
  TestDevice device = make_device();
  const float frequencies[3] = {1.0f, 0.1234567f, 1e-4f};
  const trivet_rope_table_params params = {sizeof params, 6, frequencies, 1.25f};
  TestOp op(device.get(), {TRIVET_OP_ROPE_TABLE, &params, {}, 6});
  const std::vector<int32_t> positions = {0, 1, 8191, 131071};
  trivet_step step = rows_only(4);
  step.positions = positions.data();
  std::vector<float> out(24);
  ASSERT_EQ(op.run(step, 4, {}, out.data()), TRIVET_OK);
  for (int r = 0; r < 4; ++r) {
    for (int i = 0; i < 3; ++i) {
      const float angle = static_cast<float>(positions[r]) * frequencies[i];
      EXPECT_EQ(out[6 * r + i], static_cast<float>(std::cos(double(angle))) * 1.25f);
      EXPECT_EQ(out[6 * r + 3 + i], static_cast<float>(std::sin(double(angle))) * 1.25f);
    }
  }
}

TEST(RowOperations, EmbeddingReadsRowsInPlaceScalesAndRefusesForeignTokens) {
  TestDevice device = make_device();
  for (DType type : {DType::kF32, DType::kBF16, DType::kQ8_0, DType::kQ6_K}) {
    Random random(2);
    const int64_t rows = 50, cols = 256;
    const auto data = random_weight(type, rows, cols, random);
    const std::vector<float> values = dequantized(type, data, rows, cols);
    TestWeight weight(device.get(), type, rows, cols, data, TRIVET_WEIGHT_EMBEDDING);
    EXPECT_EQ(table().weight_bytes(device.get(), &weight.desc()), 0u);
    const trivet_embedding_params params = {sizeof params, 16.0f};
    TestOp op(device.get(), {TRIVET_OP_EMBEDDING, &params, {}, 256, {&weight}});
    std::vector<int32_t> tokens = {49, 0, 7};
    trivet_step step = rows_only(3);
    step.tokens = tokens.data();
    std::vector<float> out(3 * cols);
    ASSERT_EQ(op.run(step, 3, {}, out.data()), TRIVET_OK);
    for (int r = 0; r < 3; ++r) {
      for (int i = 0; i < cols; ++i)
        ASSERT_EQ(out[r * cols + i], values[tokens[r] * cols + i] * 16.0f);
    }
    tokens[1] = 50;
    EXPECT_EQ(op.run(step, 3, {}, out.data()), TRIVET_INVALID_ARGUMENT);
    tokens[1] = -1;
    EXPECT_EQ(op.run(step, 3, {}, out.data()), TRIVET_INVALID_ARGUMENT);
  }
}

TEST(RowOperations, HeadNormAndRopeTouchOnlyTheirColumns) {
  on_every_level([](trivet_device* device, const std::string& level) {
    for (int head_dim : {10, 32, 80}) {
      const int width = 3 + 2 * head_dim + 5, rotary = head_dim - 2, rows = 2;
      Random random(3);
      const std::vector<float> x = random.normals(rows * width), weight = random.normals(head_dim);
      std::vector<float> y = x;
      const trivet_head_norm_params norm = {sizeof norm, 3, 2, head_dim, weight.data(), 1e-6f};
      TestOp norm_op(device, {TRIVET_OP_HEAD_NORM, &norm, {width}, width});
      ASSERT_EQ(norm_op.run(rows_only(rows), rows, {y.data()}, y.data()), TRIVET_OK);
      for (uint32_t style : {TRIVET_ROPE_HALF, TRIVET_ROPE_INTERLEAVED}) {
        const std::vector<float> angles = random.normals(rows * rotary);
        std::vector<float> z = y;
        const trivet_rope_params rope = {sizeof rope, 3, 2, head_dim, rotary, style};
        TestOp rope_op(device, {TRIVET_OP_ROPE, &rope, {width, rotary}, width});
        ASSERT_EQ(rope_op.run(rows_only(rows), rows, {z.data(), angles.data()}, z.data()),
                  TRIVET_OK);
        for (int r = 0; r < rows; ++r) {
          for (int i = 0; i < width; ++i) {
            const int in_head = i - 3 < 2 * head_dim ? (i - 3) % head_dim : -1;
            if (i < 3 || in_head < 0) {
              ASSERT_EQ(z[r * width + i], x[r * width + i]) << level;
            } else if (in_head >= rotary) {
              ASSERT_EQ(z[r * width + i], y[r * width + i]) << level;
            } else {
              const int half = rotary / 2,
                        pair = style == TRIVET_ROPE_HALF ? in_head % half : in_head / 2;
              const bool second = style == TRIVET_ROPE_HALF ? in_head >= half : in_head % 2 == 1;
              const int base = r * width + i - in_head;
              const double a = y[base + (style == TRIVET_ROPE_HALF ? pair : 2 * pair)];
              const double b = y[base + (style == TRIVET_ROPE_HALF ? pair + half : 2 * pair + 1)];
              const double c = angles[r * rotary + pair], s = angles[r * rotary + half + pair];
              ASSERT_NEAR(z[r * width + i], second ? b * c + a * s : a * c - b * s, 3e-6)
                  << level << " head_dim " << head_dim;
            }
          }
        }
      }
    }
  });
}

TEST(RowOperations, GatherTakesTheRowsAskedForAndRefusesOthers) {
  TestDevice device = make_device();
  TestOp op(device.get(), {TRIVET_OP_GATHER_ROWS, nullptr, {3}, 3, {}, 1});
  const std::vector<float> x = {0, 1, 2, 10, 11, 12, 20, 21, 22};
  std::vector<int32_t> rows = {2, 0};
  trivet_step step = rows_only(3);
  step.num_output_rows = 2;
  step.output_rows = rows.data();
  std::vector<float> out(6);
  ASSERT_EQ(op.run(step, 2, {x.data()}, out.data()), TRIVET_OK);
  EXPECT_EQ(out, (std::vector<float>{20, 21, 22, 0, 1, 2}));
  rows[0] = 3;
  EXPECT_EQ(op.run(step, 2, {x.data()}, out.data()), TRIVET_INVALID_ARGUMENT);
}

TEST(RowOperations, AddAndScaleWorkInPlace) {
  on_every_level([](trivet_device* device, const std::string&) {
    for (int width : kWidths) {
      Random random(4);
      const std::vector<float> a = random.normals(2 * width), b = random.normals(2 * width);
      std::vector<float> out = a;
      TestOp add(device, {TRIVET_OP_ADD, nullptr, {width, width}, width});
      ASSERT_EQ(add.run(rows_only(2), 2, {out.data(), b.data()}, out.data()), TRIVET_OK);
      const trivet_scale_params params = {sizeof params, 0.3f};
      TestOp scale(device, {TRIVET_OP_SCALE, &params, {width}, width});
      ASSERT_EQ(scale.run(rows_only(2), 2, {out.data()}, out.data()), TRIVET_OK);
      for (int i = 0; i < 2 * width; ++i) ASSERT_EQ(out[i], (a[i] + b[i]) * 0.3f);
    }
  });
}

}  // namespace
}  // namespace trivet::cpu::testing
