#include <algorithm>
#include <limits>

#include "attention_fixture.h"

namespace trivet::cpu::testing {
namespace {

struct Bounds {
  double worst, mean;
};

// Where the rounding of a key or value falls on the other side, a step of the type shows. A dot
// product of bfloat16 rounds queries and weights too.
Bounds bounds_of(uint32_t dtype, const std::string& level) {
  if (dtype == TRIVET_KV_F16) return {2e-3, 2e-6};
  if (dtype == TRIVET_KV_INT8) return {2e-2, 1e-4};
  return level == "avx512-bf16" ? Bounds{3e-2, 2e-3} : Bounds{2e-2, 2e-5};
}

constexpr uint32_t kCacheTypes[] = {TRIVET_KV_F16, TRIVET_KV_BF16, TRIVET_KV_INT8};

std::vector<Model> models() {
  std::vector<Model> all;
  all.push_back({});
  all.push_back({.heads = 14, .kv_heads = 2, .head_dim = 64, .block_tokens = 16, .norms = true});
  all.push_back({.heads = 4,
                 .kv_heads = 4,
                 .head_dim = 80,
                 .block_tokens = 48,
                 .style = TRIVET_ROPE_INTERLEAVED});
  all.push_back({.heads = 4,
                 .kv_heads = 1,
                 .head_dim = 256,
                 .block_tokens = 64,
                 .window = 70,
                 .norms = true});
  all.push_back({.heads = 3,
                 .kv_heads = 1,
                 .head_dim = 96,
                 .window = 100,
                 .softcap = 5.0f,
                 .rotary_dim = 40});
  all.push_back({.heads = 2,
                 .kv_heads = 1,
                 .head_dim = 16,
                 .softcap = 20.0f,
                 .style = TRIVET_ROPE_INTERLEAVED,
                 .rotary_dim = 6});
  all.push_back({.heads = 12, .kv_heads = 2, .head_dim = 128, .block_tokens = 128});
  for (const uint32_t dtype : {TRIVET_KV_BF16, TRIVET_KV_INT8}) {
    for (size_t i = 1; i < 5; ++i) {
      all.push_back(all[i]);
      all.back().dtype = dtype;
    }
  }
  return all;
}

TEST(Attention, MatchesDoubleReferenceOnEveryLevel) {
  for (const Model& m : models()) {
    const std::vector<float> x = random_rows(m);
    const int end = 300;
    const std::vector<double> expected = reference(m, x, 1, end);
    for (const std::string& level : levels()) {
      TestDevice device = make_device(level.c_str());
      const std::vector<float> got = Cache(device.get(), m, 1).run(x, {{1, 0, end}}, true);
      double worst = 0;
      for (size_t i = 0; i < got.size(); ++i) {
        const double error = std::fabs(got[i] - expected[i]);
        worst = error <= worst ? worst : error;
      }
      const Bounds bounds = bounds_of(m.dtype, level);
      EXPECT_LT(worst, bounds.worst) << level << " head_dim " << m.head_dim << " type " << m.dtype;
      double mean = 0;
      for (size_t i = 0; i < got.size(); ++i)
        mean += std::fabs(got[i] - expected[i]) / static_cast<double>(got.size());
      EXPECT_LT(mean, bounds.mean) << level << " head_dim " << m.head_dim << " type " << m.dtype;
    }
  }
}

TEST(Attention, ChunksBlockTablesThreadsAndFusionDoNotChangeABit) {
  for (const std::string& level : levels()) {
    TestDevice one = make_device(level.c_str(), 1), two = make_device(level.c_str(), 2);
    for (const Model& m : models()) {
      const std::vector<float> x = random_rows(m);
      const std::vector<float> whole = Cache(one.get(), m, 1).run(x, {{0, 0, 300}}, true);
      for (int chunk : {7, 16, 64, 97}) {
        Cache cache(two.get(), m, 2);
        std::vector<float> got;
        for (int t = 0; t < 300; t += chunk) {
          const std::vector<float> rows =
              cache.run(x, {{0, t, std::min(300, t + chunk)}}, chunk != 64);
          got.insert(got.end(), rows.begin(), rows.end());
        }
        EXPECT_TRUE(same_bits(got.data(), whole.data(), static_cast<int64_t>(whole.size())))
            << level << " head_dim " << m.head_dim << " type " << m.dtype << " chunk " << chunk;
      }
    }
  }
}

TEST(Attention, ASequenceIsBlindToItsBatch) {
  for (const std::string& level : levels()) {
    TestDevice device = make_device(level.c_str(), 2);
    for (const Model& m : models()) {
      const std::vector<float> x = random_rows(m);
      Cache alone(device.get(), m, 3), together(device.get(), m, 4);
      std::vector<float> expected;
      for (const Piece& p : {Piece{2, 0, 50}, Piece{0, 0, 130}, Piece{1, 0, 1}}) {
        const std::vector<float> rows = alone.run(x, {p}, true);
        expected.insert(expected.end(), rows.begin(), rows.end());
      }
      std::vector<float> got = together.run(x, {{2, 0, 50}, {0, 0, 130}, {1, 0, 1}}, true);
      EXPECT_TRUE(same_bits(got.data(), expected.data(), static_cast<int64_t>(got.size())))
          << level << " head_dim " << m.head_dim << " type " << m.dtype;
      // A decode row beside a prompt's rest.
      const std::vector<float> decode = alone.run(x, {{2, 50, 51}}, true);
      got = together.run(x, {{1, 1, 64}, {2, 50, 51}}, true);
      EXPECT_TRUE(same_bits(&got[63 * m.out()], decode.data(), m.out()))
          << level << " head_dim " << m.head_dim;
    }
  }
}

// Long contexts have several parts: few units are split over threads, many are not.
TEST(Attention, SplittingALongContextOverThreadsDoesNotChangeABit) {
  for (const std::string& level : levels()) {
    TestDevice one = make_device(level.c_str(), 1), three = make_device(level.c_str(), 3);
    for (int window : {0, 700}) {
      // A level's type of its own choice is the third.
      const uint32_t dtype = window == 0 ? TRIVET_KV_INT8 : TRIVET_KV_AUTO;
      const Model m = {.heads = 6, .kv_heads = 2, .head_dim = 64, .window = window, .dtype = dtype};
      const std::vector<float> x = random_rows(m, 2060);
      Cache whole(one.get(), m, 5), split(three.get(), m, 6);
      std::vector<float> a, b;
      for (int t = 0; t < 2048; t += 512) {
        a = whole.run(x, {{0, t, t + 512}}, true);
        b = split.run(x, {{0, t, t + 512}}, true);
        EXPECT_TRUE(same_bits(a.data(), b.data(), static_cast<int64_t>(a.size())))
            << level << " window " << window;
      }
      for (int t = 2048; t < 2052; ++t) {
        a = whole.run(x, {{0, t, t + 1}}, true);
        b = split.run(x, {{0, t, t + 1}}, true);
        EXPECT_TRUE(same_bits(a.data(), b.data(), static_cast<int64_t>(a.size())))
            << level << " window " << window << " at " << t;
      }
      a = whole.run(x, {{0, 2052, 2060}}, false);
      b = split.run(x, {{0, 2052, 2060}}, true);
      EXPECT_TRUE(same_bits(a.data(), b.data(), static_cast<int64_t>(a.size())))
          << level << " window " << window;
    }
  }
}

// Sequences that share their first blocks are read together; their bits are those of sequences with
// blocks of their own.
TEST(Attention, SharedBlocksDoNotChangeABit) {
  for (const std::string& level : levels()) {
    for (const uint32_t dtype : kCacheTypes) {
      for (const int window : {0, 90}) {
        TestDevice one = make_device(level.c_str(), 1);
        const Model m = {
            .heads = 8, .kv_heads = 2, .head_dim = 64, .window = window, .dtype = dtype};
        std::vector<float> x = random_rows(m);
        const size_t sequence = size_t{Cache::kPositions} * m.row();
        for (int s : {1, 2}) std::copy_n(&x[0], 160 * m.row(), &x[s * sequence]);
        Cache apart(one.get(), m, 7), shared(one.get(), m, 8);
        shared.share_blocks(160 / m.block_tokens);
        shared.run(x, {{0, 0, 160}}, true);
        for (int s : {0, 1, 2}) apart.run(x, {{s, 0, 160}}, true);
        for (const int at : {160, 161, 162}) {
          std::vector<float> expected;
          for (const int s : {2, 0, 1}) {
            const std::vector<float> rows = apart.run(x, {{s, at, at + 1}}, true);
            expected.insert(expected.end(), rows.begin(), rows.end());
          }
          const std::vector<float> got =
              shared.run(x, {{2, at, at + 1}, {0, at, at + 1}, {1, at, at + 1}}, at != 161);
          EXPECT_TRUE(same_bits(got.data(), expected.data(), static_cast<int64_t>(got.size())))
              << level << " type " << dtype << " window " << window << " at " << at;
        }
      }
    }
  }
}

TEST(Attention, ValuesBeyondTheTypeAreSaturatedNotInfinite) {
  TestDevice device = make_device();
  for (const uint32_t dtype : kCacheTypes) {
    for (const float value : {1e6f, 3.4e38f, std::numeric_limits<float>::infinity()}) {
      const Model m = {.dtype = dtype};
      std::vector<float> x = random_rows(m);
      const int values = (m.heads + m.kv_heads) * m.head_dim;
      for (int i = values; i < m.row(); ++i) x[i] = value;
      for (float v : Cache(device.get(), m, 1).run(x, {{0, 0, 5}}, true))
        EXPECT_TRUE(std::isfinite(v)) << dtype << " " << value;
    }
  }
}

TEST(Attention, BytesOfTheCacheTakeHalfOfHalves) {
  TestDevice device = make_device();
  trivet_kv_desc kv = {sizeof kv, 3, 2, 64, 32, TRIVET_KV_F16, 0};
  const uint64_t halves = table().kv_block_bytes(device.get(), &kv);
  kv.dtype = TRIVET_KV_BF16;
  EXPECT_EQ(table().kv_block_bytes(device.get(), &kv), halves);
  kv.dtype = TRIVET_KV_INT8;
  EXPECT_LE(table().kv_block_bytes(device.get(), &kv), halves * 54 / 100);
  kv.dtype = TRIVET_KV_INT8 + 1;
  EXPECT_EQ(table().kv_block_bytes(device.get(), &kv), 0u);
}

TEST(Attention, RefusesShapesAndStepsThatItCannotDo) {
  TestDevice device = make_device();
  trivet_kv_desc kv = {sizeof kv, 1, 2, 64, 32};
  EXPECT_EQ(table().kv_block_bytes(device.get(), &kv), 2u * 2 * 64 * 32 * 2);
  kv.head_dim = 40;
  EXPECT_EQ(table().kv_block_bytes(device.get(), &kv), 0u);
  kv.head_dim = 64;
  kv.block_tokens = 20;
  EXPECT_EQ(table().kv_block_bytes(device.get(), &kv), 0u);

  const trivet_kv_write_params write = {
      sizeof write, {sizeof(trivet_kv_desc), 1, 1, 16, 16}, 0, 16, 0, 0};
  TestOp op(device.get(), {TRIVET_OP_KV_WRITE, &write, {32}});
  std::vector<float> row(32), memory(1024);
  const int32_t position = 3, row_begin[2] = {0, 1};
  int32_t block = 0;
  const int32_t* tables[1] = {&block};
  trivet_step step = rows_only(1);
  step.positions = &position;
  step.num_sequences = 1;
  step.row_begin = row_begin;
  step.num_kv_groups = 1;
  step.block_tables = tables;
  step.block_table_stride = 1;
  step.kv_memory = memory.data();
  step.num_kv_blocks = 1;
  EXPECT_EQ(op.run(step, 1, {row.data()}, nullptr), TRIVET_OK);
  block = 1;
  EXPECT_EQ(op.run(step, 1, {row.data()}, nullptr), TRIVET_INVALID_ARGUMENT)
      << "a block beyond the cache";
  block = -1;
  EXPECT_EQ(op.run(step, 1, {row.data()}, nullptr), TRIVET_INVALID_ARGUMENT) << "no block";
}

}  // namespace
}  // namespace trivet::cpu::testing
