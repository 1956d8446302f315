#include "device/conformance/attention_rig.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace trivet::conformance {
namespace {

constexpr int32_t kGroup = 1;
constexpr int32_t kLayersPerGroup = 2;
constexpr float kNormEps = 1e-6f;
constexpr trivet_limits kLimits{sizeof(trivet_limits), 2048, 8, 8, 2048};

Matrix rope_table(int32_t positions, int32_t rotary_dim) {
  Matrix table{positions, rotary_dim, {}};
  for (int32_t p = 0; p < positions; ++p) {
    for (const bool sine : {false, true}) {
      for (int32_t i = 0; i < rotary_dim / 2; ++i) {
        const double angle = p * std::pow(10000.0, -2.0 * i / rotary_dim);
        table.values.push_back(static_cast<float>(sine ? std::sin(angle) : std::cos(angle)));
      }
    }
  }
  return table;
}

void append_rows(Matrix& to, const Matrix& from, int32_t first, int32_t count) {
  to.cols = from.cols;
  to.rows += count;
  to.values.insert(to.values.end(), from.row(first), from.row(first + count));
}

StepData make_step(const Placement& placement, const std::vector<Slice>& slices) {
  StepData step;
  for (const auto& blocks : placement)
    step.block_table_stride =
        std::max(step.block_table_stride, static_cast<int32_t>(blocks.size()));
  const size_t stride = static_cast<size_t>(step.block_table_stride);
  step.block_tables.assign(kGroup + 1, std::vector<int32_t>(stride * slices.size(), -1));
  for (size_t s = 0; s < slices.size(); ++s) {
    const auto& blocks = placement[static_cast<size_t>(slices[s].prompt)];
    std::copy(blocks.begin(), blocks.end(),
              step.block_tables[kGroup].begin() + static_cast<int64_t>(s * stride));
    step.add_sequence(slices[s].first, slices[s].count);
  }
  return step;
}

}  // namespace

Prompt random_prompt(const AttentionShape& shape, uint64_t seed) {
  return {random_matrix(shape.length, shape.row_cols(), seed),
          rope_table(shape.length, shape.rotated())};
}

Placement consecutive_placement(const AttentionShape& shape, int num_prompts) {
  Placement placement(static_cast<size_t>(num_prompts),
                      std::vector<int32_t>(static_cast<size_t>(shape.blocks())));
  int32_t next = 0;
  for (auto& blocks : placement)
    for (int32_t& block : blocks) block = next++;
  return placement;
}

Placement shuffled_placement(const AttentionShape& shape, int num_prompts, int32_t num_blocks,
                             uint64_t seed) {
  std::vector<int32_t> order(static_cast<size_t>(num_blocks));
  std::iota(order.begin(), order.end(), 0);
  Random random(seed);
  for (size_t i = order.size(); i > 1; --i)
    std::swap(order[i - 1], order[static_cast<size_t>(random.below(static_cast<int64_t>(i)))]);
  Placement placement = consecutive_placement(shape, num_prompts);
  for (auto& blocks : placement)
    for (int32_t& block : blocks) block = order[static_cast<size_t>(block)];
  return placement;
}

Result<std::unique_ptr<AttentionRig>> AttentionRig::create(Device& device,
                                                           const AttentionShape& shape,
                                                           AttentionForm form, int32_t num_blocks,
                                                           int32_t kv_layer) {
  std::unique_ptr<AttentionRig> rig(new AttentionRig(shape));
  TRIVET_RETURN_IF_ERROR(rig->prepare(device, form, kv_layer));
  TRIVET_ASSIGN_OR_RETURN(KvCache cache, KvCache::create(device, rig->params_.kv, num_blocks));
  rig->cache_ = std::make_shared<KvCache>(std::move(cache));
  return rig;
}

Result<void> AttentionRig::prepare(Device& device, AttentionForm form, int32_t kv_layer) {
  const AttentionShape& s = shape_;
  const trivet_kv_desc kv{sizeof kv, kLayersPerGroup, s.kv_heads, s.head_dim, s.block_tokens, s.dtype, 0};
  query_norm_ = random_vector(s.head_dim, 61, 0.5f, 1.5f);
  key_norm_ = random_vector(s.head_dim, 62, 0.5f, 1.5f);
  params_.size = sizeof params_;
  params_.kv = kv;
  params_.num_heads = s.heads;
  params_.scale = 1.0f / std::sqrt(static_cast<float>(s.head_dim));
  params_.window = s.window;
  params_.softcap = s.softcap;
  params_.kv_group = kGroup;
  params_.kv_layer = kv_layer;
  OpSpec spec{.kind = TRIVET_OP_ATTENTION,
              .params = &params_,
              .input_cols = {s.row_cols()},
              .output_cols = s.heads * s.head_dim};
  if (form == AttentionForm::kPieces) {
    TRIVET_RETURN_IF_ERROR(prepare_pieces(device, kv, kv_layer));
  } else {
    spec.input_cols.push_back(s.rotated());
    params_.fused_rope_write = 1;
    params_.rotary_dim = s.rotated();
    params_.rope_style = s.style;
    params_.query_norm = s.head_norms ? query_norm_.data() : nullptr;
    params_.key_norm = s.head_norms ? key_norm_.data() : nullptr;
    params_.norm_eps = kNormEps;
  }
  TRIVET_ASSIGN_OR_RETURN(attention_, OpRunner::create(device, spec, kLimits));
  return {};
}

Result<void> AttentionRig::prepare_pieces(Device& device, const trivet_kv_desc& kv,
                                          int32_t kv_layer) {
  const AttentionShape& s = shape_;
  const int32_t key_col = s.heads * s.head_dim, value_col = key_col + s.kv_heads * s.head_dim;
  OpSpec in_place{.kind = TRIVET_OP_HEAD_NORM,
                  .input_cols = {s.row_cols()},
                  .output_cols = s.row_cols(),
                  .output_is_input = 0};
  if (s.head_norms) {
    query_norm_params_ = {sizeof query_norm_params_, 0,       s.heads, s.head_dim,
                          query_norm_.data(),        kNormEps};
    key_norm_params_ = {sizeof key_norm_params_, key_col, s.kv_heads, s.head_dim,
                        key_norm_.data(),        kNormEps};
    for (const auto* params : {&query_norm_params_, &key_norm_params_}) {
      in_place.params = params;
      TRIVET_ASSIGN_OR_RETURN(auto norm, OpRunner::create(device, in_place, kLimits));
      norms_.push_back(std::move(norm));
    }
  }
  rope_params_ = {sizeof rope_params_, 0, s.heads + s.kv_heads, s.head_dim, s.rotated(), s.style};
  in_place.kind = TRIVET_OP_ROPE;
  in_place.params = &rope_params_;
  in_place.input_cols.push_back(s.rotated());
  TRIVET_ASSIGN_OR_RETURN(rope_, OpRunner::create(device, in_place, kLimits));
  write_params_ = {sizeof write_params_, kv, key_col, value_col, kGroup, kv_layer};
  const OpSpec write{
      .kind = TRIVET_OP_KV_WRITE, .params = &write_params_, .input_cols = {s.row_cols()}};
  TRIVET_ASSIGN_OR_RETURN(write_, OpRunner::create(device, write, kLimits));
  return {};
}

Result<Matrix> AttentionRig::run_pieces(const Matrix& x, const Matrix& table,
                                        const StepData& step) {
  Matrix y = x;
  for (const auto& norm : norms_) {
    TRIVET_ASSIGN_OR_RETURN(y, norm->run({y}, step));
  }
  TRIVET_ASSIGN_OR_RETURN(y, rope_->run({y, table}, step));
  TRIVET_RETURN_IF_ERROR(write_->run({y}, step, cache_.get()));
  return attention_->run({y}, step, cache_.get());
}

Result<Matrix> AttentionRig::run_step(const std::vector<Prompt>& prompts,
                                      const Placement& placement,
                                      const std::vector<Slice>& slices) {
  Matrix x, table;
  for (const Slice& slice : slices) {
    append_rows(x, prompts[static_cast<size_t>(slice.prompt)].x, slice.first, slice.count);
    append_rows(table, prompts[static_cast<size_t>(slice.prompt)].table, slice.first, slice.count);
  }
  const StepData step = make_step(placement, slices);
  if (write_) return run_pieces(x, table, step);
  return attention_->run({x, table}, step, cache_.get());
}

Result<std::vector<Matrix>> AttentionRig::run_steps(const std::vector<Prompt>& prompts,
                                                    const Placement& placement,
                                                    const std::vector<std::vector<Slice>>& steps) {
  std::vector<Matrix> outputs(prompts.size());
  for (const auto& slices : steps) {
    TRIVET_ASSIGN_OR_RETURN(const Matrix rows, run_step(prompts, placement, slices));
    int32_t at = 0;
    for (const Slice& slice : slices) {
      append_rows(outputs[static_cast<size_t>(slice.prompt)], rows, at, slice.count);
      at += slice.count;
    }
  }
  return outputs;
}

}  // namespace trivet::conformance
