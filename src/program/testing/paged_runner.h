// Runs programs on paged sequences, for tests and benchmarks.
#ifndef TRIVET_PROGRAM_TESTING_PAGED_RUNNER_H_
#define TRIVET_PROGRAM_TESTING_PAGED_RUNNER_H_

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "program/step_program.h"

namespace trivet {

// New tokens of one sequence. A sequence owns the blocks of its slot in the cache.
struct SequenceRows {
  int slot = 0;
  int first_position = 0;
  std::vector<int32_t> tokens;
};

class PagedRunner {
 public:
  static Result<std::unique_ptr<PagedRunner>> create(const Graph& graph, Device& device,
                                                     const trivet_limits& limits) {
    std::unique_ptr<PagedRunner> runner(new PagedRunner(graph, limits));
    TRIVET_ASSIGN_OR_RETURN(runner->program_, StepProgram::lower(graph, device, limits));
    const uint64_t bytes =
        runner->program_->memory().kv_block_bytes * static_cast<uint64_t>(runner->num_blocks());
    TRIVET_ASSIGN_OR_RETURN(runner->cache_, device.allocate(bytes));
    return runner;
  }

  StepProgram& program() { return *program_; }

  Result<void> run_body(const std::vector<SequenceRows>& batch) {
    fill(batch);
    return program_->run_body(step_);
  }

  // [rows.size()][vocabulary]
  Result<std::vector<float>> run_head(const std::vector<int32_t>& rows) {
    step_.num_output_rows = static_cast<int32_t>(rows.size());
    step_.output_rows = rows.data();
    TRIVET_ASSIGN_OR_RETURN(const std::span<float> logits, program_->run_head(step_));
    return std::vector<float>(logits.begin(), logits.end());
  }

  // Logits of every row.
  Result<std::vector<float>> run(const std::vector<SequenceRows>& batch) {
    TRIVET_RETURN_IF_ERROR(run_body(batch));
    std::vector<int32_t> rows(static_cast<size_t>(step_.num_rows));
    for (size_t i = 0; i < rows.size(); ++i) rows[i] = static_cast<int32_t>(i);
    return run_head(rows);
  }

  // The step of the last run, to be bent by tests.
  trivet_step& step() { return step_; }
  std::vector<int32_t>& tokens() { return tokens_; }
  std::vector<int32_t>& positions() { return positions_; }
  std::vector<int32_t>& table(size_t group) { return tables_[group]; }

 private:
  PagedRunner(const Graph& graph, const trivet_limits& limits)
      : limits_(limits), num_groups_(graph.kv_groups.size()) {
    block_tokens_ = graph.kv.block_tokens;
    stride_ = (limits.max_positions + block_tokens_ - 1) / block_tokens_;
  }

  int num_blocks() const { return limits_.max_sequences * stride_ * static_cast<int>(num_groups_); }

  void fill(const std::vector<SequenceRows>& batch) {
    tokens_.clear();
    positions_.clear();
    row_begin_ = {0};
    tables_.assign(num_groups_, {});
    for (const SequenceRows& rows : batch) {
      int position = rows.first_position;
      for (int32_t token : rows.tokens) {
        tokens_.push_back(token);
        positions_.push_back(position++);
      }
      row_begin_.push_back(static_cast<int32_t>(tokens_.size()));
      for (size_t g = 0; g < num_groups_; ++g) {
        for (int b = 0; b < stride_; ++b) tables_[g].push_back(block_of(rows.slot, g, b));
      }
    }
    table_pointers_.clear();
    for (const auto& table : tables_) table_pointers_.push_back(table.data());
    step_ = {};
    step_.size = sizeof(step_);
    step_.num_rows = static_cast<int32_t>(tokens_.size());
    step_.tokens = tokens_.data();
    step_.positions = positions_.data();
    step_.num_sequences = static_cast<int32_t>(batch.size());
    step_.row_begin = row_begin_.data();
    step_.num_kv_groups = static_cast<int32_t>(num_groups_);
    step_.block_tables = table_pointers_.data();
    step_.block_table_stride = stride_;
    step_.kv_memory = cache_.data();
    step_.num_kv_blocks = num_blocks();
  }

  // Scattered, so that nothing works by blocks being neighbours.
  int32_t block_of(int slot, size_t group, int block) const {
    const int index =
        (slot * static_cast<int>(num_groups_) + static_cast<int>(group)) * stride_ + block;
    return num_blocks() - 1 - index;
  }

  trivet_limits limits_;
  size_t num_groups_;
  int block_tokens_ = 0, stride_ = 0;
  std::unique_ptr<StepProgram> program_;
  DeviceMemory cache_;
  trivet_step step_{};
  std::vector<int32_t> tokens_, positions_, row_begin_;
  std::vector<std::vector<int32_t>> tables_;
  std::vector<const int32_t*> table_pointers_;
};

}  // namespace trivet

#endif  // TRIVET_PROGRAM_TESTING_PAGED_RUNNER_H_
