#include "program/step_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>

namespace trivet {
namespace {

Error bad_step(const std::string& what) {
  return Error(ErrorCode::kInvalidArgument, "step: " + what);
}

}  // namespace

Result<void> StepChecker::check_body(const trivet_step& step) const {
  if (step.num_rows <= 0 || step.num_rows > limits_.max_rows) {
    return bad_step(
        fmt::format("{} rows, the program takes 1 to {}", step.num_rows, limits_.max_rows));
  }
  if (step.num_sequences <= 0 || step.num_sequences > limits_.max_sequences) {
    return bad_step(fmt::format("{} sequences, the program takes 1 to {}", step.num_sequences,
                                limits_.max_sequences));
  }
  if (!step.tokens || !step.positions || !step.row_begin) return bad_step("a pointer is missing");
  if (step.num_kv_groups != static_cast<int32_t>(groups_.size())) {
    return bad_step(
        fmt::format("{} cache groups, the program has {}", step.num_kv_groups, groups_.size()));
  }
  if (!groups_.empty() && (!step.block_tables || !step.kv_memory)) {
    return bad_step("it has no cache");
  }
  if (step.row_begin[0] != 0 || step.row_begin[step.num_sequences] != step.num_rows) {
    return bad_step("row_begin does not cover the rows");
  }
  for (int32_t s = 0; s < step.num_sequences; ++s) TRIVET_RETURN_IF_ERROR(check_sequence(step, s));
  return {};
}

Result<void> StepChecker::check_sequence(const trivet_step& step, int32_t sequence) const {
  const int32_t begin = step.row_begin[sequence], end = step.row_begin[sequence + 1];
  if (begin >= end || end > step.num_rows) {
    return bad_step(
        fmt::format("sequence {} has rows {} to {} of {}", sequence, begin, end, step.num_rows));
  }
  for (int32_t row = begin; row < end; ++row) {
    if (step.tokens[row] < 0 || step.tokens[row] >= vocab_size_) {
      return bad_step(fmt::format("token {} in row {}, the vocabulary has {}", step.tokens[row],
                                  row, vocab_size_));
    }
    const int32_t position = step.positions[row];
    if (position < 0 || position >= limits_.max_positions) {
      return bad_step(fmt::format("position {} in row {}, the program takes 0 to {}", position, row,
                                  limits_.max_positions - 1));
    }
    if (row > begin && position != step.positions[row - 1] + 1) {
      return bad_step(fmt::format("position {} in row {} does not follow {}", position, row,
                                  step.positions[row - 1]));
    }
  }
  return check_blocks(step, sequence);
}

Result<void> StepChecker::check_blocks(const trivet_step& step, int32_t sequence) const {
  const int32_t first_position = step.positions[step.row_begin[sequence]];
  const int32_t last_position = step.positions[step.row_begin[sequence + 1] - 1];
  for (size_t g = 0; g < groups_.size(); ++g) {
    const int32_t window = groups_[g].window;
    const int32_t first_seen = window > 0 ? std::max(0, first_position - window + 1) : 0;
    const int32_t last_block = last_position / kv_.block_tokens;
    if (last_block >= step.block_table_stride) {
      return bad_step(fmt::format("position {} lies in block {}, tables have {}", last_position,
                                  last_block, step.block_table_stride));
    }
    const int32_t* table =
        step.block_tables[g] + static_cast<int64_t>(sequence) * step.block_table_stride;
    for (int32_t b = first_seen / kv_.block_tokens; b <= last_block; ++b) {
      if (table[b] >= 0 && table[b] < step.num_kv_blocks) continue;
      return bad_step(fmt::format("block {} of sequence {} in group {} is {}, the cache has {}", b,
                                  sequence, g, table[b], step.num_kv_blocks));
    }
  }
  return {};
}

Result<void> StepChecker::check_output_rows(const trivet_step& step) const {
  if (step.num_output_rows <= 0 || step.num_output_rows > limits_.max_output_rows) {
    return bad_step(fmt::format("{} output rows, the program takes 1 to {}", step.num_output_rows,
                                limits_.max_output_rows));
  }
  if (!step.output_rows) return bad_step("output_rows is missing");
  for (int32_t i = 0; i < step.num_output_rows; ++i) {
    if (step.output_rows[i] >= 0 && step.output_rows[i] < step.num_rows) continue;
    return bad_step(fmt::format("output row {} of {} rows", step.output_rows[i], step.num_rows));
  }
  return {};
}

}  // namespace trivet
