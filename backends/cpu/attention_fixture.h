// Sequences with a cache on one device, and what attention over them is in double precision.
#ifndef TRIVET_BACKENDS_CPU_ATTENTION_FIXTURE_H_
#define TRIVET_BACKENDS_CPU_ATTENTION_FIXTURE_H_

#include <algorithm>
#include <bit>
#include <numeric>

#include "fixture.h"

namespace trivet::cpu::testing {

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
inline std::vector<float> random_rows(const Model& m, int positions = 310) {
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
inline void rotate(double* x, int head_dim) {
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
inline void round_as_kept(uint32_t dtype, bool is_key, double* x, int head_dim) {
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
inline std::vector<double> reference(const Model& m, const std::vector<float>& x, int sequence,
                                     int end) {
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

}  // namespace trivet::cpu::testing

#endif  // TRIVET_BACKENDS_CPU_ATTENTION_FIXTURE_H_
