// The engine's model: a step program and its key/value memory on a device.
#ifndef TRIVET_ENGINE_PROGRAM_RUNNER_H_
#define TRIVET_ENGINE_PROGRAM_RUNNER_H_

#include <memory>
#include <vector>

#include "device/device.h"
#include "engine/model_runner.h"
#include "program/step_program.h"

namespace trivet {

// Engine thread only, once made.
class ProgramRunner final : public ModelRunner {
 public:
  // Allocates the pool: limits.num_blocks blocks. `program` was lowered on `device` for at least
  // these limits; both must outlive the runner.
  static Result<std::unique_ptr<ProgramRunner>> create(StepProgram& program, Device& device,
                                                       RunnerLimits limits);

  const RunnerLimits& limits() const override { return limits_; }
  Result<void> forward(const StepBatch& batch) override;
  Result<std::span<float>> logits(std::span<const int32_t> rows) override;
  Result<void> copy_block(BlockId from, BlockId to) override;
  void release_kv_memory() override { memory_ = {}; }
  Result<void> acquire_kv_memory() override;

 private:
  ProgramRunner(StepProgram& program, Device& device, RunnerLimits limits, DeviceMemory memory);

  static Result<DeviceMemory> allocate_pool(const StepProgram& program, Device& device,
                                            int num_blocks);

  StepProgram* program_;
  Device* device_;
  const RunnerLimits limits_;
  DeviceMemory memory_;
  std::vector<const int32_t*> tables_;  // what step_ points to
  trivet_step step_{};                  // of the last forward pass
};

}  // namespace trivet

#endif  // TRIVET_ENGINE_PROGRAM_RUNNER_H_
