#include "engine/program_runner.h"

#include <string>
#include <utility>

namespace trivet {

Result<std::unique_ptr<ProgramRunner>> ProgramRunner::create(StepProgram& program, Device& device,
                                                             RunnerLimits limits) {
  TRIVET_ASSIGN_OR_RETURN(DeviceMemory memory, allocate_pool(program, device, limits.num_blocks));
  return std::unique_ptr<ProgramRunner>(
      new ProgramRunner(program, device, std::move(limits), std::move(memory)));
}

Result<DeviceMemory> ProgramRunner::allocate_pool(const StepProgram& program, Device& device,
                                                  int num_blocks) {
  uint64_t bytes = program.memory().kv_block_bytes * static_cast<uint64_t>(num_blocks);
  auto memory = device.allocate(bytes);
  if (memory) return memory;
  return memory.error().with_context("Allocating " + std::to_string(num_blocks) +
                                     " key/value blocks");
}

Result<void> ProgramRunner::acquire_kv_memory() {
  TRIVET_ASSIGN_OR_RETURN(memory_, allocate_pool(*program_, *device_, limits_.num_blocks));
  return {};
}

ProgramRunner::ProgramRunner(StepProgram& program, Device& device, RunnerLimits limits,
                             DeviceMemory memory)
    : program_(&program),
      device_(&device),
      limits_(std::move(limits)),
      memory_(std::move(memory)) {}

Result<void> ProgramRunner::forward(const StepBatch& batch) {
  tables_.clear();
  for (const auto& table : batch.block_tables) tables_.push_back(table.data());
  step_ = {};
  step_.size = sizeof(step_);
  step_.num_rows = static_cast<int32_t>(batch.tokens.size());
  step_.tokens = batch.tokens.data();
  step_.positions = batch.positions.data();
  step_.num_sequences = static_cast<int32_t>(batch.row_begin.size()) - 1;
  step_.row_begin = batch.row_begin.data();
  step_.num_kv_groups = static_cast<int32_t>(tables_.size());
  step_.block_tables = tables_.data();
  step_.block_table_stride = batch.block_table_stride;
  step_.kv_memory = memory_.data();
  step_.num_kv_blocks = limits_.num_blocks;
  return program_->run_body(step_);
}

Result<std::span<float>> ProgramRunner::logits(std::span<const int32_t> rows) {
  step_.num_output_rows = static_cast<int32_t>(rows.size());
  step_.output_rows = rows.data();
  return program_->run_head(step_);
}

Result<void> ProgramRunner::copy_block(BlockId from, BlockId to) {
  uint64_t bytes = program_->memory().kv_block_bytes;
  auto at = [&](BlockId block) {
    return static_cast<char*>(memory_.data()) + static_cast<uint64_t>(block) * bytes;
  };
  trivet_status status = device_->table().memory_copy(device_->handle(), at(to), at(from), bytes,
                                                      TRIVET_DEVICE_TO_DEVICE, nullptr);
  if (status == TRIVET_OK) return {};
  return Error(ErrorCode::kInternal, "The device could not copy block " + std::to_string(from) +
                                         " to " + std::to_string(to) + " (status " +
                                         std::to_string(status) + ").");
}

}  // namespace trivet
