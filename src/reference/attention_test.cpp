#include <bit>

#include "reference/test_device.h"
#include "tensor/dequantize.h"

namespace trivet::reference {
namespace {

struct Shape {
  int heads, kv_heads, head_dim, window;
  float softcap;
};

trivet_kv_desc cache_of(const Shape& shape) {
  return {sizeof(trivet_kv_desc), 3, shape.kv_heads, shape.head_dim, 16};
}

// One query row of head h by the definition, over positions that `first` and `last` bound.
void exact_row(const Shape& s, const Matrix& x, int row, int first, int last, double scale,
               std::vector<double>& out) {
  const int dim = s.head_dim, key_col = s.heads * dim, value_col = key_col + s.kv_heads * dim;
  for (int h = 0; h < s.heads; ++h) {
    const int kv = h / (s.heads / s.kv_heads) * dim;
    std::vector<double> weights;
    double total = 0;
    for (int p = first; p <= last; ++p) {
      double score = 0;
      for (int d = 0; d < dim; ++d)
        score += double(x.row(row)[h * dim + d]) * x.row(p)[key_col + kv + d];
      score *= scale;
      if (s.softcap > 0) score = s.softcap * std::tanh(score / s.softcap);
      weights.push_back(std::exp(score));
      total += weights.back();
    }
    for (int d = 0; d < dim; ++d) {
      double sum = 0;
      for (int p = first; p <= last; ++p)
        sum += weights[p - first] / total * x.row(p)[value_col + kv + d];
      out.push_back(sum);
    }
  }
}

class AttentionOf : public ::testing::TestWithParam<Shape> {};

TEST_P(AttentionOf, MatchesTheDefinitionWithShuffledBlocks) {
  const Shape& s = GetParam();
  auto device = open_reference();
  const int length = 70, row_cols = (s.heads + 2 * s.kv_heads) * s.head_dim;
  const Matrix x = random_matrix(length, row_cols, 1);
  StepData step = simple_step(length);
  step.block_tables = {{-1, -1, -1, -1, -1}, {7, 2, 0, 5, 3}};
  step.block_table_stride = 5;
  KvCache cache = std::move(*KvCache::create(*device, cache_of(s), 8));

  const float scale = 1.0f / std::sqrt(float(s.head_dim));
  const trivet_kv_write_params write{
      sizeof write, cache_of(s), s.heads * s.head_dim, (s.heads + s.kv_heads) * s.head_dim, 1, 2};
  run_op(*device, {.kind = TRIVET_OP_KV_WRITE, .params = &write, .input_cols = {row_cols}}, {x},
         step, &cache);
  trivet_attention_params params{.size = sizeof params,
                                 .kv = cache_of(s),
                                 .num_heads = s.heads,
                                 .scale = scale,
                                 .window = s.window,
                                 .softcap = s.softcap,
                                 .kv_group = 1,
                                 .kv_layer = 2};
  const Matrix out = run_op(*device,
                            {.kind = TRIVET_OP_ATTENTION,
                             .params = &params,
                             .input_cols = {row_cols},
                             .output_cols = s.heads * s.head_dim},
                            {x}, step, &cache);
  std::vector<double> exact;
  for (int r = 0; r < length; ++r)
    exact_row(s, x, r, s.window > 0 ? std::max(0, r - s.window + 1) : 0, r, scale, exact);
  expect_close(out.values, exact, 1e-6);
}

INSTANTIATE_TEST_SUITE_P(Shapes, AttentionOf,
                         ::testing::Values(Shape{2, 2, 8, 0, 0}, Shape{6, 2, 16, 0, 5.0f},
                                           Shape{7, 1, 64, 20, 0}, Shape{3, 1, 10, 1, 0},
                                           Shape{2, 1, 16, 1000, 0}));

TEST(Attention, FusedRopeAndWriteGivesTheBitsOfItsPieces) {
  auto device = open_reference();
  const Shape s{6, 2, 16, 24, 0};
  const int dim = s.head_dim, length = 40, row_cols = (s.heads + 2 * s.kv_heads) * dim;
  const Matrix x = random_matrix(length, row_cols, 1), table = random_matrix(length, 8, 2);
  const auto query_norm = random_vector(dim, 3, 0.5f, 2), key_norm = random_vector(dim, 4, 0.5f, 2);
  StepData step = simple_step(length);
  step.block_tables = {{2, 0, 1}};
  step.block_table_stride = 3;
  trivet_attention_params params{.size = sizeof params,
                                 .kv = cache_of(s),
                                 .num_heads = s.heads,
                                 .scale = 0.25f,
                                 .window = s.window,
                                 .kv_layer = 1,
                                 .fused_rope_write = 1,
                                 .rotary_dim = 8,
                                 .rope_style = TRIVET_ROPE_HALF,
                                 .query_norm = query_norm.data(),
                                 .key_norm = key_norm.data(),
                                 .norm_eps = 1e-6f};
  KvCache cache = std::move(*KvCache::create(*device, cache_of(s), 3));
  OpSpec attend{.kind = TRIVET_OP_ATTENTION,
                .params = &params,
                .input_cols = {row_cols, 8},
                .output_cols = s.heads * dim};
  const Matrix fused = run_op(*device, attend, {x, table}, step, &cache);

  const trivet_head_norm_params norm_q{sizeof norm_q, 0, s.heads, dim, query_norm.data(), 1e-6f};
  const trivet_head_norm_params norm_k{sizeof norm_k, s.heads * dim,   s.kv_heads,
                                       dim,           key_norm.data(), 1e-6f};
  const trivet_rope_params rope{sizeof rope, 0, s.heads + s.kv_heads, dim, 8, TRIVET_ROPE_HALF};
  const trivet_kv_write_params write{
      sizeof write, cache_of(s), s.heads * dim, (s.heads + s.kv_heads) * dim, 0, 1};
  OpSpec in_place{.kind = TRIVET_OP_HEAD_NORM,
                  .params = &norm_q,
                  .input_cols = {row_cols},
                  .output_cols = row_cols,
                  .output_is_input = 0};
  Matrix y = run_op(*device, in_place, {x}, step);
  in_place.params = &norm_k;
  y = run_op(*device, in_place, {y}, step);
  in_place.kind = TRIVET_OP_ROPE;
  in_place.params = &rope;
  in_place.input_cols = {row_cols, 8};
  y = run_op(*device, in_place, {y, table}, step);
  KvCache other = std::move(*KvCache::create(*device, cache_of(s), 3));
  run_op(*device, {.kind = TRIVET_OP_KV_WRITE, .params = &write, .input_cols = {row_cols}}, {y},
         step, &other);
  params.fused_rope_write = 0;
  attend.input_cols = {row_cols};
  EXPECT_EQ(run_op(*device, attend, {y}, step, &other).values, fused.values);
}

TEST(Attention, RefusesBlocksThatDoNotExist) {
  auto device = open_reference();
  const Shape s{1, 1, 16, 0, 0};
  trivet_attention_params params{
      .size = sizeof params, .kv = cache_of(s), .num_heads = 1, .scale = 1};
  const OpSpec spec{
      .kind = TRIVET_OP_ATTENTION, .params = &params, .input_cols = {48}, .output_cols = 16};
  KvCache cache = std::move(*KvCache::create(*device, cache_of(s), 4));
  auto runner = OpRunner::create(*device, spec);
  const Matrix x = random_matrix(1, 48, 1);
  StepData step;
  step.add_sequence(40, 1);
  step.block_table_stride = 3;
  for (const std::vector<int32_t>& blocks :
       {std::vector{0, 1, 4}, {0, 1, -1}, {-1, 1, 2}, {0, -7, 2}}) {
    step.block_tables = {blocks};
    EXPECT_FALSE((*runner)->run({x}, step, &cache).ok());
  }
  step.block_tables = {{0, 1, 2}};
  EXPECT_TRUE((*runner)->run({x}, step, &cache).ok());
  step.block_table_stride = 2;
  EXPECT_FALSE((*runner)->run({x}, step, &cache).ok());
}

// Entry (i, j) is the parity of i & j; its own inverse.
void hadamard_16(float* x) {
  float y[16] = {};
  for (int i = 0; i < 16; ++i) {
    for (int j = 0; j < 16; ++j)
      y[i] += (std::popcount(unsigned(i & j)) % 2 ? -0.25f : 0.25f) * x[j];
  }
  std::copy_n(y, 16, x);
}

// The same as attention over rows that were rounded beforehand.
TEST(Attention, RoundsKeysAndValuesToTheTypeOfTheCache) {
  const Shape s{2, 1, 16, 0, 0};
  const int length = 20, row_cols = 64;
  const Matrix x = random_matrix(length, row_cols, 5);
  for (const uint32_t dtype : {TRIVET_KV_F16, TRIVET_KV_BF16, TRIVET_KV_INT8}) {
    Matrix rounded = x;
    for (int r = 0; r < length; ++r) {
      for (const int head : {32, 48}) {
        float* values = rounded.values.data() + r * row_cols + head;
        if (dtype == TRIVET_KV_INT8 && head == 32) hadamard_16(values);
        float top = 0;
        for (int d = 0; d < 16; ++d) top = std::max(top, std::fabs(values[d]));
        for (int d = 0; d < 16; ++d) {
          if (dtype == TRIVET_KV_F16) values[d] = f16_to_f32(f32_to_f16(values[d]));
          if (dtype == TRIVET_KV_BF16) values[d] = bf16_to_f32(f32_to_bf16(values[d]));
          if (dtype == TRIVET_KV_INT8) values[d] = std::round(values[d] * 127 / top) * top / 127;
        }
        if (dtype == TRIVET_KV_INT8 && head == 32) hadamard_16(values);
      }
    }
    EXPECT_NE(rounded.values, x.values);
    auto run = [&](const Matrix& rows, uint32_t type) {
      auto device = open_reference();
      trivet_kv_desc kv = cache_of(s);
      kv.dtype = type;
      KvCache cache = std::move(*KvCache::create(*device, kv, 2));
      StepData step = simple_step(length);
      step.block_tables = {{1, 0}};
      step.block_table_stride = 2;
      const trivet_kv_write_params write{sizeof write, kv, 32, 48, 0, 0};
      run_op(*device, {.kind = TRIVET_OP_KV_WRITE, .params = &write, .input_cols = {row_cols}},
             {rows}, step, &cache);
      trivet_attention_params params{
          .size = sizeof params, .kv = kv, .num_heads = 2, .scale = 0.25f};
      return run_op(*device,
                    {.kind = TRIVET_OP_ATTENTION,
                     .params = &params,
                     .input_cols = {row_cols},
                     .output_cols = 32},
                    {rows}, step, &cache);
    };
    const Matrix actual = run(x, dtype), expected = run(rounded, TRIVET_KV_AUTO);
    for (size_t i = 0; i < actual.values.size(); ++i)
      EXPECT_NEAR(actual.values[i], expected.values[i], 1e-6) << dtype;
  }
}

TEST(Attention, DoesNotReadBlocksBehindTheWindow) {
  auto device = open_reference();
  const Shape s{1, 1, 16, 8, 0};
  trivet_attention_params params{
      .size = sizeof params, .kv = cache_of(s), .num_heads = 1, .scale = 1, .window = 8};
  const OpSpec spec{
      .kind = TRIVET_OP_ATTENTION, .params = &params, .input_cols = {48}, .output_cols = 16};
  KvCache cache = std::move(*KvCache::create(*device, cache_of(s), 1));
  StepData step;
  step.add_sequence(40, 1);
  step.block_table_stride = 3;
  step.block_tables = {{-1, -1, 0}};
  auto runner = OpRunner::create(*device, spec);
  EXPECT_TRUE((*runner)->run({random_matrix(1, 48, 1)}, step, &cache).ok());
}

}  // namespace
}  // namespace trivet::reference
