// A model for tests: no weights, but its logits depend on every token that a real model would have
// seen, read back through the block tables. A wrong table, a stale or shared block, a missing copy:
// all change them.
#ifndef TRIVET_ENGINE_FAKE_RUNNER_H_
#define TRIVET_ENGINE_FAKE_RUNNER_H_

#include <algorithm>
#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <span>
#include <utility>
#include <vector>

#include "base/check.h"
#include "engine/model_runner.h"

namespace trivet {

class FakeRunner final : public ModelRunner {
 public:
  explicit FakeRunner(RunnerLimits limits)
      : limits_(std::move(limits)),
        memory_(static_cast<size_t>(limits_.num_blocks) *
                static_cast<size_t>(limits_.block_tokens)) {}

  static RunnerLimits small_limits() {
    return {.vocab_size = 64,
            .max_rows = 64,
            .max_sequences = 32,
            .max_output_rows = 4,
            .max_positions = 256,
            .block_tokens = 4,
            .num_blocks = 256,
            .kv_groups = {{1, 0}, {1, 10}}};
  }

  const RunnerLimits& limits() const override { return limits_; }

  Result<void> forward(const StepBatch& batch) override {
    TRIVET_CHECK(has_memory());
    if (before_forward) TRIVET_RETURN_IF_ERROR(before_forward(batch));
    check_shape(batch);
    states_.clear();
    std::set<BlockId> written;
    for (size_t s = 0; s + 1 < batch.row_begin.size(); ++s) {
      std::set<BlockId> mine;
      for (int32_t row = batch.row_begin[s]; row < batch.row_begin[s + 1]; ++row) {
        compute_row(batch, s, static_cast<size_t>(row), &mine);
      }
      for (BlockId block : mine) TRIVET_CHECK(written.insert(block).second);
    }
    ++num_forwards;
    return {};
  }

  Result<std::span<float>> logits(std::span<const int32_t> rows) override {
    if (before_logits) TRIVET_RETURN_IF_ERROR(before_logits());
    TRIVET_CHECK(static_cast<int>(rows.size()) <= limits_.max_output_rows);
    logits_.clear();
    for (int32_t row : rows) {
      uint64_t state = states_.at(static_cast<size_t>(row));
      for (int token = 0; token < limits_.vocab_size; ++token) {
        uint64_t bits = mix(state, static_cast<uint64_t>(token)) >> 40;
        logits_.push_back(static_cast<float>(bits) / static_cast<float>(1 << 22));  // [0, 4)
      }
    }
    return std::span<float>(logits_);
  }

  Result<void> copy_block(BlockId from, BlockId to) override {
    check_block(from);
    check_block(to);
    auto size = static_cast<size_t>(limits_.block_tokens);
    std::copy_n(memory_.begin() + ptrdiff_t(static_cast<size_t>(from) * size), size,
                memory_.begin() + ptrdiff_t(static_cast<size_t>(to) * size));
    return {};
  }

  void release_kv_memory() override { memory_.clear(); }
  Result<void> acquire_kv_memory() override {
    if (before_acquire) TRIVET_RETURN_IF_ERROR(before_acquire());
    memory_.assign(
        static_cast<size_t>(limits_.num_blocks) * static_cast<size_t>(limits_.block_tokens),
        0xdead);
    return {};
  }
  bool has_memory() const { return !memory_.empty(); }

  // Called first; an error makes the call fail.
  std::function<Result<void>(const StepBatch&)> before_forward;
  std::function<Result<void>()> before_logits;
  std::function<Result<void>()> before_acquire;
  int num_forwards = 0;

 private:
  static uint64_t mix(uint64_t a, uint64_t b) {
    uint64_t x = a ^ (b + 0x9e3779b97f4a7c15u + (a << 6) + (a >> 2));
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
  }

  void check_shape(const StepBatch& batch) const {
    TRIVET_CHECK(static_cast<int>(batch.tokens.size()) <= limits_.max_rows);
    TRIVET_CHECK(static_cast<int>(batch.row_begin.size()) - 1 <= limits_.max_sequences);
    TRIVET_CHECK(batch.tokens.size() == batch.positions.size());
    TRIVET_CHECK(batch.block_tables.size() == limits_.kv_groups.size());
    TRIVET_CHECK(batch.row_begin.back() == static_cast<int32_t>(batch.tokens.size()));
  }

  void check_block(BlockId block) const { TRIVET_CHECK(block >= 0 && block < limits_.num_blocks); }

  uint64_t& cell(const StepBatch& batch, size_t group, size_t sequence, int position) {
    int block = position / limits_.block_tokens;
    TRIVET_CHECK(block < batch.block_table_stride);
    BlockId id =
        batch.block_tables[group][sequence * static_cast<size_t>(batch.block_table_stride) +
                                  static_cast<size_t>(block)];
    check_block(id);
    return memory_[static_cast<size_t>(id) * static_cast<size_t>(limits_.block_tokens) +
                   static_cast<size_t>(position % limits_.block_tokens)];
  }

  // What stands in the cache at a position depends, as in a real model, on all that the position
  // attended to.
  void compute_row(const StepBatch& batch, size_t sequence, size_t row,
                   std::set<BlockId>* written) {
    int position = batch.positions[row];
    uint64_t state = mix(static_cast<uint64_t>(batch.tokens[row]), static_cast<uint64_t>(position));
    for (size_t group = 0; group < limits_.kv_groups.size(); ++group) {
      int window = limits_.kv_groups[group].window;
      int first = window == 0 ? 0 : std::max(0, position - window + 1);
      for (int p = first; p < position; ++p) state = mix(state, cell(batch, group, sequence, p));
    }
    for (size_t group = 0; group < limits_.kv_groups.size(); ++group) {
      uint64_t& here = cell(batch, group, sequence, position);
      here = mix(state, group);
      written->insert(static_cast<BlockId>((&here - memory_.data()) / limits_.block_tokens));
    }
    states_.push_back(state);
  }

  const RunnerLimits limits_;
  std::vector<uint64_t> memory_;  // [block][position in block]
  std::vector<uint64_t> states_;  // of the rows of the last forward pass
  std::vector<float> logits_;
};

}  // namespace trivet

#endif  // TRIVET_ENGINE_FAKE_RUNNER_H_
