#include "engine/batch_builder.h"

#include <algorithm>
#include <span>

namespace trivet {

const StepBatch& BatchBuilder::build(const std::vector<SequenceRows>& sequences) {
  batch_.tokens.clear();
  batch_.positions.clear();
  batch_.row_begin.assign(1, 0);
  int stride = 0;
  for (const auto& [choice, computed, rows] : sequences) {
    auto first = choice->tokens().begin() + computed;
    batch_.tokens.insert(batch_.tokens.end(), first, first + rows);
    for (int row = 0; row < rows; ++row) batch_.positions.push_back(computed + row);
    batch_.row_begin.push_back(static_cast<int32_t>(batch_.tokens.size()));
    stride = std::max(stride, choice->kv.num_blocks(0));
  }
  batch_.block_table_stride = stride;
  for (size_t group = 0; group < batch_.block_tables.size(); ++group) {
    auto& table = batch_.block_tables[group];
    table.assign(sequences.size() * static_cast<size_t>(stride), kNoBlock);
    for (size_t s = 0; s < sequences.size(); ++s) {
      sequences[s].choice->kv.copy_table(
          static_cast<int>(group),
          std::span(table).subspan(s * static_cast<size_t>(stride), static_cast<size_t>(stride)));
    }
  }
  return batch_;
}

}  // namespace trivet
