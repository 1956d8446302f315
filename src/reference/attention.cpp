#include <cmath>

#include "reference/arithmetic.h"
#include "reference/kv_cache.h"
#include "reference/operation.h"

namespace trivet::reference {
namespace {

// Scores of all visible positions first, then the softmax, then the weighted values: no tiles, so
// the order of everything follows from the row's position and window alone.
class Attention final : public Operation {
 public:
  Attention(const trivet_attention_params& params, const OpRequest& request)
      : params_(params),
        cols_(request.desc.input_cols[0]),
        num_threads_(request.num_threads),
        max_positions_(request.limits.max_positions) {}

  uint64_t workspace_bytes() const override { return num_threads_ * thread_bytes(); }

  trivet_status run(const trivet_run& run, ThreadPool& pool) const override {
    const KvLayer layer(params_.kv, params_.kv_group, params_.kv_layer, *run.step);
    if (!layer.valid_for_read(params_.window)) return TRIVET_INVALID_ARGUMENT;
    for (int r = 0; r < run.num_rows; ++r)
      if (run.step->positions[r] >= max_positions_) return TRIVET_INVALID_ARGUMENT;
    if (params_.fused_rope_write) rope_and_write(run, layer, pool);
    pool.parallel_for(
        int64_t{run.num_rows} * params_.num_heads, 1, [&](int64_t begin, int64_t end, int worker) {
          std::byte* scratch = static_cast<std::byte*>(run.workspace) + worker * thread_bytes();
          for (int64_t i = begin; i < end; ++i)
            attend(run, layer, static_cast<int>(i / params_.num_heads),
                   static_cast<int>(i % params_.num_heads), scratch);
        });
    return TRIVET_OK;
  }

 private:
  uint64_t sum_bytes() const { return (params_.kv.head_dim * sizeof(double) + 63) / 64 * 64; }
  uint64_t thread_bytes() const {
    return sum_bytes() + (max_positions_ * sizeof(double) + 63) / 64 * 64;
  }

  void prepare_heads(float* head, int num_heads, const float* norm, const float* table_row) const {
    const int head_dim = params_.kv.head_dim;
    for (int h = 0; h < num_heads; ++h, head += head_dim) {
      if (norm) rms_normalize(head, norm, params_.norm_eps, head_dim, head);
      rotate_head(head, table_row, params_.rotary_dim, params_.rope_style);
    }
  }

  // The contract leaves the contents of x open afterwards, so it is worked on in place.
  void rope_and_write(const trivet_run& run, const KvLayer& layer, ThreadPool& pool) const {
    const int num_kv_heads = params_.kv.num_kv_heads;
    pool.parallel_for(run.num_rows, rows_per_range(cols_), [&](int64_t begin, int64_t end, int) {
      for (int64_t r = begin; r < end; ++r) {
        float* query = const_cast<float*>(run.inputs[0]) + r * cols_;
        float* key = query + params_.num_heads * params_.kv.head_dim;
        const float* value = key + num_kv_heads * params_.kv.head_dim;
        const float* table_row = run.inputs[1] + r * params_.rotary_dim;
        prepare_heads(query, params_.num_heads, params_.query_norm, table_row);
        prepare_heads(key, num_kv_heads, params_.key_norm, table_row);
        layer.write(static_cast<int>(r), key, value);
      }
    });
  }

  void attend(const trivet_run& run, const KvLayer& layer, int row, int head,
              std::byte* scratch) const {
    const int head_dim = params_.kv.head_dim;
    const int sequence = layer.sequence_of(row), last = run.step->positions[row];
    const int first = first_visible(last, params_.window);
    const int64_t kv_offset =
        int64_t{head / (params_.num_heads / params_.kv.num_kv_heads)} * head_dim;
    const float* query = run.inputs[0] + row * cols_ + int64_t{head} * head_dim;
    double* sums = reinterpret_cast<double*>(scratch);
    double* scores = reinterpret_cast<double*>(scratch + sum_bytes());

    double highest = -INFINITY;
    for (int p = first; p <= last; ++p) {
      double score = dot(query, layer.key(sequence, p) + kv_offset, head_dim) * params_.scale;
      if (params_.softcap > 0.0f) score = params_.softcap * std::tanh(score / params_.softcap);
      scores[p - first] = score;
      highest = std::max(highest, score);
    }
    double total = 0.0;
    std::fill_n(sums, head_dim, 0.0);
    for (int p = first; p <= last; ++p) {
      const double weight = std::exp(scores[p - first] - highest);
      const float* value = layer.value(sequence, p) + kv_offset;
      total += weight;
      for (int d = 0; d < head_dim; ++d) sums[d] += weight * value[d];
    }
    float* out = run.output + (int64_t{row} * params_.num_heads + head) * head_dim;
    for (int d = 0; d < head_dim; ++d) out[d] = static_cast<float>(sums[d] / total);
  }

  trivet_attention_params params_;
  int64_t cols_;
  int num_threads_;
  int64_t max_positions_;
};

Result<void> check_params(const trivet_op_desc& desc, const trivet_attention_params& params) {
  const trivet_kv_desc& kv = params.kv;
  TRIVET_RETURN_IF_ERROR(check_kv_desc(kv));
  TRIVET_RETURN_IF_ERROR(require(params.num_heads > 0 && params.num_heads % kv.num_kv_heads == 0,
                                 "attention: num_heads must be a multiple of num_kv_heads"));
  const int64_t heads =
      params.fused_rope_write ? params.num_heads + int64_t{2} * kv.num_kv_heads : params.num_heads;
  TRIVET_RETURN_IF_ERROR(require_heads(0, heads, kv.head_dim, desc.input_cols[0]));
  TRIVET_RETURN_IF_ERROR(require(
      desc.output_domain == 0 && desc.output_cols == int64_t{params.num_heads} * kv.head_dim,
      "attention: the output has num_heads * head_dim columns, one row per token"));
  TRIVET_RETURN_IF_ERROR(require(params.window >= 0 && params.softcap >= 0.0f,
                                 "attention: window and softcap must not be negative"));
  TRIVET_RETURN_IF_ERROR(
      require(params.kv_group >= 0 && params.kv_layer >= 0 && params.kv_layer < kv.layers_per_group,
              "attention: kv_layer must lie within the group"));
  if (!params.fused_rope_write) return {};
  TRIVET_RETURN_IF_ERROR(require_rotation(params.rotary_dim, kv.head_dim, params.rope_style));
  return require(desc.input_cols[1] == params.rotary_dim,
                 "attention: the table has rotary_dim columns");
}

}  // namespace

OpResult make_attention(const OpRequest& request) {
  TRIVET_ASSIGN_OR_RETURN(const auto params, params_of<trivet_attention_params>(request.desc));
  TRIVET_RETURN_IF_ERROR(require_operands(request.desc, params.fused_rope_write ? 2 : 1, 0, 0));
  TRIVET_RETURN_IF_ERROR(check_params(request.desc, params));
  return std::unique_ptr<Operation>(new Attention(params, request));
}

}  // namespace trivet::reference
