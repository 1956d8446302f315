// The operations on rows of floats: lookups, norms, rotations, elementwise functions.
#include <algorithm>
#include <cmath>
#include <span>

#include "kv_layout.h"
#include "operations.h"
#include "tensor/dequantize.h"

namespace trivet::cpu {
namespace {

// Values that one thread should have to make a parallel region worth it.
constexpr int64_t kValuesPerPiece = 4096;

// Runs body(row) over all rows of a step.
template <class Body>
void for_rows(trivet_device& device, int64_t rows, int64_t columns, Body body) {
  const int64_t chunk = std::max<int64_t>(1, kValuesPerPiece / std::max<int64_t>(columns, 1));
  device.pool.for_units(rows, chunk, [&](int, int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) body(r);
  });
}

// What all of them share: the device, and arguments checked as far as the kind needs.
class RowOperation : public trivet_op {
 public:
  explicit RowOperation(const OpContext& c)
      : device_(c.device),
        kernels_(*c.device.kernels),
        columns_(c.desc.output_cols),
        input_columns_(c.desc.input_cols[0]) {}

 protected:
  trivet_device& device_;
  const KernelTable& kernels_;
  int64_t columns_;
  int64_t input_columns_;
};

class Embedding final : public RowOperation {
 public:
  explicit Embedding(const OpContext& c)
      : RowOperation(c),
        weight_(*c.desc.weights[0]),
        scale_(c.params<trivet_embedding_params>().scale) {}

  trivet_status run(const trivet_run& run) override {
    const trivet_step& step = *run.step;
    if (!run.output || !step.tokens) return TRIVET_INVALID_ARGUMENT;
    for (int r = 0; r < run.num_rows; ++r) {
      if (step.tokens[r] < 0 || step.tokens[r] >= weight_.rows) return TRIVET_INVALID_ARGUMENT;
    }
    const size_t row_size = row_bytes(static_cast<DType>(weight_.dtype), columns_);
    for_rows(device_, run.num_rows, columns_, [&](int64_t r) {
      float* out = run.output + r * columns_;
      const std::byte* row =
          reinterpret_cast<const std::byte*>(weight_.data) + step.tokens[r] * row_size;
      dequantize_row(static_cast<DType>(weight_.dtype), row,
                     std::span<float>(out, static_cast<size_t>(columns_)));
      if (scale_ != 1.0f) kernels_.scale(out, scale_, columns_, out);
    });
    return TRIVET_OK;
  }

 private:
  const trivet_weight& weight_;
  float scale_;
};

class RopeTable final : public RowOperation {
 public:
  explicit RopeTable(const OpContext& c)
      : RowOperation(c), params_(c.params<trivet_rope_table_params>()) {}

  trivet_status run(const trivet_run& run) override {
    if (!run.output || !run.step->positions) return TRIVET_INVALID_ARGUMENT;
    const int half = params_.rotary_dim / 2;
    for_rows(device_, run.num_rows, 64 * columns_, [&](int64_t r) {
      float* out = run.output + r * columns_;
      const float position = static_cast<float>(run.step->positions[r]);
      for (int i = 0; i < half; ++i) {
        const float angle = position * params_.inv_freq[i];
        out[i] = static_cast<float>(std::cos(static_cast<double>(angle))) * params_.magnitude;
        out[half + i] =
            static_cast<float>(std::sin(static_cast<double>(angle))) * params_.magnitude;
      }
    });
    return TRIVET_OK;
  }

 private:
  trivet_rope_table_params params_;
};

class RmsNorm final : public RowOperation {
 public:
  explicit RmsNorm(const OpContext& c)
      : RowOperation(c), params_(c.params<trivet_rms_norm_params>()) {}

  trivet_status run(const trivet_run& run) override {
    const float* residual = params_.add_residual ? run.inputs[1] : nullptr;
    if (!run.output || !run.inputs[0] || (params_.add_residual && !residual))
      return TRIVET_INVALID_ARGUMENT;
    for_rows(device_, run.num_rows, columns_, [&](int64_t r) {
      const int64_t at = r * columns_;
      kernels_.rms_norm(run.inputs[0] + at, params_.weight, params_.eps,
                        residual ? residual + at : nullptr, columns_, run.output + at);
    });
    return TRIVET_OK;
  }

 private:
  trivet_rms_norm_params params_;
};

// The two operations that work in place on heads: `output` is the input, or a copy of it is made.
float* rows_in_place(const trivet_run& run, int64_t columns) {
  if (!run.output || !run.inputs[0]) return nullptr;
  if (run.output != run.inputs[0]) std::copy_n(run.inputs[0], run.num_rows * columns, run.output);
  return run.output;
}

class HeadNorm final : public RowOperation {
 public:
  explicit HeadNorm(const OpContext& c)
      : RowOperation(c), params_(c.params<trivet_head_norm_params>()) {}

  trivet_status run(const trivet_run& run) override {
    float* x = rows_in_place(run, columns_);
    if (!x) return TRIVET_INVALID_ARGUMENT;
    for_rows(device_, run.num_rows, columns_, [&](int64_t r) {
      float* head = x + r * columns_ + params_.first_col;
      for (int h = 0; h < params_.num_heads; ++h, head += params_.head_dim) {
        kernels_.rms_norm(head, params_.weight, params_.eps, nullptr, params_.head_dim, head);
      }
    });
    return TRIVET_OK;
  }

 private:
  trivet_head_norm_params params_;
};

class Rope final : public RowOperation {
 public:
  explicit Rope(const OpContext& c) : RowOperation(c), params_(c.params<trivet_rope_params>()) {}

  trivet_status run(const trivet_run& run) override {
    float* x = rows_in_place(run, columns_);
    if (!x || !run.inputs[1]) return TRIVET_INVALID_ARGUMENT;
    const RopeParams rope = {params_.rotary_dim, params_.style == TRIVET_ROPE_INTERLEAVED};
    for_rows(device_, run.num_rows, columns_, [&](int64_t r) {
      float* head = x + r * columns_ + params_.first_col;
      const float* table = run.inputs[1] + r * params_.rotary_dim;
      for (int h = 0; h < params_.num_heads; ++h, head += params_.head_dim)
        kernels_.rope(head, table, rope);
    });
    return TRIVET_OK;
  }

 private:
  trivet_rope_params params_;
};

class KvWrite final : public RowOperation {
 public:
  explicit KvWrite(const OpContext& c)
      : RowOperation(c), params_(c.params<trivet_kv_write_params>()) {}

  trivet_status run(const trivet_run& run) override {
    const trivet_step& step = *run.step;
    if (!run.inputs[0] || !valid_kv_step(step, params_.kv, params_.kv_group))
      return TRIVET_INVALID_ARGUMENT;
    const KvType type = kv_type(params_.kv, kernels_);
    const KvLayout layout(params_.kv, type, params_.kv_layer);
    const int heads = params_.kv.num_kv_heads, head_dim = params_.kv.head_dim;
    // Head by head, so that two threads seldom write positions of one group.
    for_rows(device_, int64_t{heads} * step.num_sequences, kValuesPerPiece, [&](int64_t unit) {
      const int head = static_cast<int>(unit / step.num_sequences),
                s = static_cast<int>(unit % step.num_sequences);
      for (int r = step.row_begin[s]; r < step.row_begin[s + 1]; ++r) {
        const KvSlot slot = layout.slot(step, params_.kv_group, s, step.positions[r], head);
        const float* row = run.inputs[0] + r * input_columns_ + head * head_dim;
        kernels_.attention[type].store_kv(slot.key_group, slot.value_group, slot.index, head_dim,
                                          row + params_.key_col, row + params_.value_col);
      }
    });
    return TRIVET_OK;
  }

 private:
  trivet_kv_write_params params_;
};

class GatedActivation final : public RowOperation {
 public:
  explicit GatedActivation(const OpContext& c)
      : RowOperation(c), activation_(c.params<trivet_gated_activation_params>().activation) {}

  trivet_status run(const trivet_run& run) override {
    if (!run.output || !run.inputs[0]) return TRIVET_INVALID_ARGUMENT;
    for_rows(device_, run.num_rows, columns_, [&](int64_t r) {
      const float* gate = run.inputs[0] + r * input_columns_;
      kernels_.gated(activation_, gate, gate + columns_, columns_, run.output + r * columns_);
    });
    return TRIVET_OK;
  }

 private:
  uint32_t activation_;
};

class Add final : public RowOperation {
 public:
  explicit Add(const OpContext& c) : RowOperation(c) {}

  trivet_status run(const trivet_run& run) override {
    if (!run.output || !run.inputs[0] || !run.inputs[1]) return TRIVET_INVALID_ARGUMENT;
    for_rows(device_, run.num_rows, columns_, [&](int64_t r) {
      const int64_t at = r * columns_;
      kernels_.add(run.inputs[0] + at, run.inputs[1] + at, columns_, run.output + at);
    });
    return TRIVET_OK;
  }
};

class Scale final : public RowOperation {
 public:
  explicit Scale(const OpContext& c)
      : RowOperation(c), factor_(c.params<trivet_scale_params>().factor) {}

  trivet_status run(const trivet_run& run) override {
    if (!run.output || !run.inputs[0]) return TRIVET_INVALID_ARGUMENT;
    for_rows(device_, run.num_rows, columns_, [&](int64_t r) {
      kernels_.scale(run.inputs[0] + r * columns_, factor_, columns_, run.output + r * columns_);
    });
    return TRIVET_OK;
  }

 private:
  float factor_;
};

class Softcap final : public RowOperation {
 public:
  explicit Softcap(const OpContext& c)
      : RowOperation(c), cap_(c.params<trivet_softcap_params>().cap) {}

  trivet_status run(const trivet_run& run) override {
    if (!run.output || !run.inputs[0]) return TRIVET_INVALID_ARGUMENT;
    // A piece per few thousand columns: the rows of logits are long and few.
    const int64_t pieces = ceil_div(columns_, kValuesPerPiece);
    for_rows(device_, run.num_rows * pieces, kValuesPerPiece, [&](int64_t unit) {
      const int64_t begin = unit % pieces * kValuesPerPiece;
      const int64_t at = unit / pieces * columns_ + begin;
      kernels_.softcap(run.inputs[0] + at, cap_, std::min(kValuesPerPiece, columns_ - begin),
                       run.output + at);
    });
    return TRIVET_OK;
  }

 private:
  float cap_;
};

class GatherRows final : public RowOperation {
 public:
  explicit GatherRows(const OpContext& c) : RowOperation(c) {}

  trivet_status run(const trivet_run& run) override {
    const trivet_step& step = *run.step;
    if (run.num_rows == 0) return TRIVET_OK;
    if (!run.output || !run.inputs[0] || !step.output_rows || run.num_rows > step.num_output_rows) {
      return TRIVET_INVALID_ARGUMENT;
    }
    for (int i = 0; i < run.num_rows; ++i) {
      const int32_t row = step.output_rows[i];
      if (row < 0 || row >= step.num_rows) return TRIVET_INVALID_ARGUMENT;
      std::copy_n(run.inputs[0] + row * columns_, columns_, run.output + i * columns_);
    }
    return TRIVET_OK;
  }
};

}  // namespace

trivet_op* make_embedding(const OpContext& c) { return new Embedding(c); }
trivet_op* make_rope_table(const OpContext& c) { return new RopeTable(c); }
trivet_op* make_rms_norm(const OpContext& c) { return new RmsNorm(c); }
trivet_op* make_head_norm(const OpContext& c) { return new HeadNorm(c); }
trivet_op* make_rope(const OpContext& c) { return new Rope(c); }
trivet_op* make_kv_write(const OpContext& c) { return new KvWrite(c); }
trivet_op* make_gated_activation(const OpContext& c) { return new GatedActivation(c); }
trivet_op* make_add(const OpContext& c) { return new Add(c); }
trivet_op* make_scale(const OpContext& c) { return new Scale(c); }
trivet_op* make_gather_rows(const OpContext& c) { return new GatherRows(c); }
trivet_op* make_softcap(const OpContext& c) { return new Softcap(c); }

}  // namespace trivet::cpu
