#include <algorithm>
#include <bit>
#include <limits>
#include <numeric>

#include "fixture.h"

namespace trivet::cpu::testing {
namespace {

struct Model {
  int heads = 6, kv_heads = 2, head_dim = 64, block_tokens = 32;
  int window = 0;
  float softcap = 0;
  bool norms = false;
  uint32_t style = TRIVET_ROPE_HALF;
  int rotary_dim = 0;  // 0: head_dim
  uint32_t dtype = TRIVET_KV_F16;

  int rotary() const { return rotary_dim ? rotary_dim : head_dim; }
  int row() const { return (heads + 2 * kv_heads) * head_dim; }
  int out() const { return heads * head_dim; }
  float scale() const { return 1.0f / std::sqrt(static_cast<float>(head_dim)); }
  trivet_kv_desc kv() const {
    return {sizeof(trivet_kv_desc), 2, kv_heads, head_dim, block_tokens, dtype, 0};
  }
};

// A part of a sequence that a step works on: rows for positions [begin, end).
struct Piece {
  int sequence, begin, end;
};

// Sequences of q, k, v rows with a cache on one device.
class Cache {
 public:
  static constexpr int kSequences = 3;
  static constexpr int kPositions =
      2304;  // at most; tests of short sequences fill no more than they use

  Cache(trivet_device* device, const Model& model, uint32_t table_seed)
      : model_(model),
        stride_(static_cast<int>((kPositions + model.block_tokens - 1) / model.block_tokens)) {
    const trivet_kv_desc kv = model.kv();
    const uint64_t block = table().kv_block_bytes(device, &kv);
    blocks_ = kSequences * stride_;
    memory_ = allocate(block * static_cast<uint64_t>(blocks_));
    // What a used cache may hold: finite rubbish.
    uint16_t* halves = static_cast<uint16_t*>(memory_.get());
    for (uint64_t i = 0; i < block * static_cast<uint64_t>(blocks_) / 2; ++i) {
      halves[i] = static_cast<uint16_t>(0x5000u + i % 1021 + (i % 3 ? 0x8000u : 0u));
    }
    tables_.resize(static_cast<size_t>(blocks_));
    std::iota(tables_.begin(), tables_.end(), 0);
    std::shuffle(tables_.begin(), tables_.end(), std::mt19937(table_seed));
    params_ = {sizeof params_, kv, model.heads, model.scale(), model.window, model.softcap, 0, 1};
    if (model.norms) {
      Random weights(4);
      query_norm_ = weights.normals(model.head_dim);
      key_norm_ = weights.normals(model.head_dim);
      params_.query_norm = query_norm_.data();
      params_.key_norm = key_norm_.data();
    }
    params_.norm_eps = 1e-6f;
    params_.rotary_dim = model.rotary();
    params_.rope_style = model.style;
    device_ = device;
    for (int i = 0; i < model.rotary() / 2; ++i) {
      inv_freq_.push_back(static_cast<float>(std::pow(10000.0, -2.0 * i / model.rotary())));
    }
  }

  // All sequences get the first blocks of sequence 0.
  void share_blocks(int count) {
    for (int s = 1; s < kSequences; ++s) std::copy_n(&tables_[0], count, &tables_[s * stride_]);
  }

  // Runs one step; returns the rows of all pieces in order.
  std::vector<float> run(const std::vector<float>& x, const std::vector<Piece>& pieces,
                         bool fused) {
    std::vector<float> rows;
    std::vector<int32_t> positions, row_begin = {0}, tables;
    for (const Piece& p : pieces) {
      for (int t = p.begin; t < p.end; ++t) {
        const float* row = &x[(static_cast<size_t>(p.sequence) * kPositions + t) * model_.row()];
        rows.insert(rows.end(), row, row + model_.row());
        positions.push_back(t);
      }
      row_begin.push_back(static_cast<int32_t>(positions.size()));
      tables.insert(tables.end(), &tables_[p.sequence * stride_],
                    &tables_[p.sequence * stride_] + stride_);
      forget_expired(p, &tables[tables.size() - stride_]);
    }
    const int32_t* groups[1] = {tables.data()};
    trivet_step step = rows_only(static_cast<int>(positions.size()));
    step.positions = positions.data();
    step.num_sequences = static_cast<int>(pieces.size());
    step.row_begin = row_begin.data();
    step.num_kv_groups = 1;
    step.block_tables = groups;
    step.block_table_stride = stride_;
    step.kv_memory = memory_.get();
    step.num_kv_blocks = blocks_;
    return fused ? run_fused(step, rows) : run_pieces(step, rows);
  }

 private:
  void forget_expired(const Piece& p, int32_t* blocks) const {
    if (model_.window == 0) return;
    const int first = std::max(0, p.begin - model_.window + 1);
    for (int b = 0; (b + 1) * model_.block_tokens <= first; ++b) blocks[b] = -1;
  }

  std::vector<float> rope_table(const trivet_step& step) {
    const trivet_rope_table_params params = {sizeof params, model_.rotary(), inv_freq_.data(),
                                             1.0f};
    TestOp op(device_, {TRIVET_OP_ROPE_TABLE, &params, {}, model_.rotary()});
    std::vector<float> out(static_cast<size_t>(step.num_rows) * model_.rotary());
    EXPECT_EQ(op.run(step, step.num_rows, {}, out.data()), TRIVET_OK);
    return out;
  }

  std::vector<float> run_fused(const trivet_step& step, std::vector<float>& rows) {
    const std::vector<float> angles = rope_table(step);
    params_.fused_rope_write = 1;
    TestOp op(device_,
              {TRIVET_OP_ATTENTION, &params_, {model_.row(), model_.rotary()}, model_.out()});
    std::vector<float> out(static_cast<size_t>(step.num_rows) * model_.out(), NAN);
    EXPECT_EQ(op.run(step, step.num_rows, {rows.data(), angles.data()}, out.data()), TRIVET_OK);
    return out;
  }

  std::vector<float> run_pieces(const trivet_step& step, std::vector<float>& rows) {
    const std::vector<float> angles = rope_table(step);
    const int n = step.num_rows, width = model_.row(), keys = model_.heads * model_.head_dim;
    if (model_.norms) {
      const trivet_head_norm_params q = {sizeof q,           0,    model_.heads, model_.head_dim,
                                         query_norm_.data(), 1e-6f};
      const trivet_head_norm_params k = {sizeof k,         keys, model_.kv_heads, model_.head_dim,
                                         key_norm_.data(), 1e-6f};
      for (const auto* p : {&q, &k}) {
        TestOp op(device_, {TRIVET_OP_HEAD_NORM, p, {width}, width});
        EXPECT_EQ(op.run(step, n, {rows.data()}, rows.data()), TRIVET_OK);
      }
    }
    const trivet_rope_params rope = {
        sizeof rope,     0,           model_.heads + model_.kv_heads, model_.head_dim,
        model_.rotary(), model_.style};
    TestOp rope_op(device_, {TRIVET_OP_ROPE, &rope, {width, model_.rotary()}, width});
    EXPECT_EQ(rope_op.run(step, n, {rows.data(), angles.data()}, rows.data()), TRIVET_OK);
    const trivet_kv_write_params write = {
        sizeof write, model_.kv(), keys, keys + model_.kv_heads * model_.head_dim, 0, 1};
    TestOp write_op(device_, {TRIVET_OP_KV_WRITE, &write, {width}});
    EXPECT_EQ(write_op.run(step, n, {rows.data()}, nullptr), TRIVET_OK);
    params_.fused_rope_write = 0;
    TestOp op(device_, {TRIVET_OP_ATTENTION, &params_, {width}, model_.out()});
    std::vector<float> out(static_cast<size_t>(n) * model_.out(), NAN);
    EXPECT_EQ(op.run(step, n, {rows.data()}, out.data()), TRIVET_OK);
    return out;
  }

  Model model_;
  int stride_, blocks_ = 0;
  Memory memory_{nullptr, MemoryDeleter{0}};
  std::vector<int32_t> tables_;
  trivet_attention_params params_{};
  std::vector<float> query_norm_, key_norm_, inv_freq_;
  trivet_device* device_ = nullptr;
};

// Rows of all sequences, random for the first `positions` of each.
std::vector<float> random_rows(const Model& m, int positions = 310) {
  Random random(21);
  std::vector<float> x(size_t{Cache::kSequences} * Cache::kPositions * m.row());
  for (int s = 0; s < Cache::kSequences; ++s) {
    float* rows = &x[size_t(s) * Cache::kPositions * m.row()];
    for (int i = 0; i < positions * m.row(); ++i) rows[i] = random.normal();
  }
  return x;
}

// Entry (i, j) of each run of the largest power of two in head_dim is the parity of i & j, divided
// by the root of the run: its own inverse.
void rotate(double* x, int head_dim) {
  const int run = head_dim & -head_dim;
  const std::vector<double> before(x, x + head_dim);
  for (int i = 0; i < head_dim; ++i) {
    double sum = 0;
    for (int j = 0; j < run; ++j) {
      const double value = before[static_cast<size_t>(i / run * run + j)];
      sum += std::popcount(static_cast<unsigned>(i % run & j)) % 2 ? -value : value;
    }
    x[i] = sum / std::sqrt(run);
  }
}

// One head of K or V as it is kept.
void round_as_kept(uint32_t dtype, bool is_key, double* x, int head_dim) {
  const bool rotated = is_key && dtype == TRIVET_KV_INT8;
  if (rotated) rotate(x, head_dim);
  double top = 0;
  for (int i = 0; i < head_dim; ++i) top = std::max(top, std::fabs(x[i]));
  for (int i = 0; i < head_dim; ++i) {
    const float value = static_cast<float>(x[i]);
    if (dtype == TRIVET_KV_F16) x[i] = f16_to_f32(f32_to_f16(value));
    if (dtype == TRIVET_KV_BF16) x[i] = bf16_to_f32(f32_to_bf16(value));
    if (dtype == TRIVET_KV_INT8) x[i] = std::nearbyint(x[i] * 127 / top) * top / 127;
  }
  if (rotated) rotate(x, head_dim);
}

// The whole operation in double, for one sequence and positions [0, end); K and V rounded as kept.
std::vector<double> reference(const Model& m, const std::vector<float>& x, int sequence, int end) {
  Random weights(4);
  const std::vector<float> query_norm = weights.normals(m.head_dim),
                           key_norm = weights.normals(m.head_dim);
  const int d = m.head_dim, half = m.rotary() / 2, group = m.heads / m.kv_heads;
  std::vector<std::vector<double>> rows;
  for (int t = 0; t < end; ++t) {
    const float* row = &x[(static_cast<size_t>(sequence) * Cache::kPositions + t) * m.row()];
    std::vector<double> y(row, row + m.row());
    for (int h = 0; h < m.heads + m.kv_heads; ++h) {
      double* head = &y[h * d];
      if (m.norms) {
        double squares = 0;
        for (int i = 0; i < d; ++i) squares += head[i] * head[i];
        for (int i = 0; i < d; ++i)
          head[i] *= (h < m.heads ? query_norm : key_norm)[i] / std::sqrt(squares / d + 1e-6);
      }
      for (int i = 0; i < half; ++i) {
        const float frequency = static_cast<float>(std::pow(10000.0, -2.0 * i / m.rotary()));
        const double angle = static_cast<float>(t) * frequency;
        const int a = m.style == TRIVET_ROPE_HALF ? i : 2 * i,
                  b = m.style == TRIVET_ROPE_HALF ? i + half : 2 * i + 1;
        const double p = head[a], q = head[b];
        head[a] = p * std::cos(angle) - q * std::sin(angle);
        head[b] = q * std::cos(angle) + p * std::sin(angle);
      }
    }
    for (int h = m.heads; h < m.heads + 2 * m.kv_heads; ++h)
      round_as_kept(m.dtype, h < m.heads + m.kv_heads, &y[h * d], d);
    rows.push_back(std::move(y));
  }
  std::vector<double> out(static_cast<size_t>(end) * m.out());
  for (int t = 0; t < end; ++t) {
    const int first = m.window ? std::max(0, t - m.window + 1) : 0;
    for (int h = 0; h < m.heads; ++h) {
      std::vector<double> w;
      double total = 0;
      for (int p = first; p <= t; ++p) {
        double s = 0;
        for (int i = 0; i < d; ++i)
          s += rows[t][h * d + i] * rows[p][(m.heads + h / group) * d + i];
        s *= m.scale();
        if (m.softcap > 0) s = m.softcap * std::tanh(s / m.softcap);
        w.push_back(std::exp(s));
        total += w.back();
      }
      for (int p = first; p <= t; ++p) {
        for (int i = 0; i < d; ++i) {
          out[(static_cast<size_t>(t) * m.heads + h) * d + i] +=
              w[p - first] / total * rows[p][(m.heads + m.kv_heads + h / group) * d + i];
        }
      }
    }
  }
  return out;
}

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

constexpr uint32_t kTypes[] = {TRIVET_KV_F16, TRIVET_KV_BF16, TRIVET_KV_INT8};

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
  const size_t shapes = all.size();
  for (const uint32_t dtype : {TRIVET_KV_BF16, TRIVET_KV_INT8}) {
    for (size_t i = 0; i < shapes; ++i) {
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
    for (const uint32_t dtype : kTypes) {
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
  for (const uint32_t dtype : kTypes) {
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
