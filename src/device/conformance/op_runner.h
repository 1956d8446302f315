// Runs one operation of any device on host data.
#ifndef TRIVET_DEVICE_CONFORMANCE_OP_RUNNER_H_
#define TRIVET_DEVICE_CONFORMANCE_OP_RUNNER_H_

#include <memory>
#include <vector>

#include "base/result.h"
#include "device/conformance/random_data.h"
#include "device/device.h"

namespace trivet::conformance {

// What a step works on, owned. Block tables are of one group unless the case adds more.
struct StepData {
  std::vector<int32_t> tokens, positions, row_begin{0}, output_rows;
  std::vector<std::vector<int32_t>> block_tables;  // [group][sequence * stride + block]
  int32_t block_table_stride = 0;

  int32_t num_rows() const { return static_cast<int32_t>(positions.size()); }
  int32_t num_sequences() const { return static_cast<int32_t>(row_begin.size()) - 1; }
  // Appends a sequence with rows at positions [first, first + count).
  void add_sequence(int32_t first, int32_t count);
};

// One sequence at positions 0 to num_rows - 1; all tokens 0.
StepData simple_step(int32_t num_rows);

// A key/value cache on a device.
class KvCache {
 public:
  static Result<KvCache> create(Device& device, const trivet_kv_desc& desc, int32_t num_blocks);
  void* data() const { return memory_.data(); }
  int32_t num_blocks() const { return num_blocks_; }
  Result<void> copy_block(int32_t from, int32_t to);
  // Overwrites a block with bytes that are no sensible numbers.
  Result<void> poison_block(int32_t block);

 private:
  KvCache(Device& device, DeviceMemory memory, uint64_t block_bytes, int32_t num_blocks)
      : device_(&device),
        memory_(std::move(memory)),
        block_bytes_(block_bytes),
        num_blocks_(num_blocks) {}
  std::byte* block(int32_t index) const {
    return static_cast<std::byte*>(data()) + index * block_bytes_;
  }
  Device* device_;
  DeviceMemory memory_;
  uint64_t block_bytes_;
  int32_t num_blocks_;
};

// An operation apart from any device. Pointers are borrowed.
struct OpSpec {
  uint32_t kind;
  const void* params = nullptr;
  std::vector<int64_t> input_cols;
  int64_t output_cols = 0;
  int32_t output_domain = 0;
  std::vector<const WeightData*> weights;
  int output_is_input = -1;  // index of the input that the output overwrites, -1 = none
};

inline constexpr trivet_limits kRoomyLimits{sizeof(trivet_limits), 1024, 64, 1024, 2048};

// The operation, prepared. Weights are packed from a copy that is overwritten afterwards unless the
// backend uses weights in place. The device must outlive it.
class OpRunner {
 public:
  // ErrorCode::kUnimplemented: the device declines the operation or a weight.
  static Result<std::unique_ptr<OpRunner>> create(Device& device, const OpSpec& spec,
                                                  const trivet_limits& limits = kRoomyLimits);

  // Inputs have as many rows as the step, or as it has output rows where the domain is 1 (except
  // GATHER_ROWS). The output; an error too if the backend wrote outside of the output or workspace,
  // or left a value unwritten. With `inputs_after`, the contents of the inputs after the run.
  Result<Matrix> run(const std::vector<Matrix>& inputs, const StepData& step, KvCache* kv = nullptr,
                     std::vector<Matrix>* inputs_after = nullptr);

 private:
  OpRunner(Device& device, const OpSpec& spec) : device_(device), spec_(spec) {}
  Result<void> create_weights();
  Result<void> prepare(const trivet_limits& limits);
  Result<void> copy(void* dst, const void* src, uint64_t bytes, trivet_copy_direction direction);
  Result<DeviceMemory> upload(const Matrix& matrix, float guard);
  Result<Matrix> download(const DeviceMemory& memory, int64_t rows, int64_t cols);
  Result<void> check_guards(const DeviceMemory& values);
  Result<void> launch(trivet_run& run);

  Device& device_;
  OpSpec spec_;
  std::vector<std::vector<std::byte>> sources_;  // of weights, for those that are used in place
  std::vector<DeviceMemory> weight_memory_;
  std::vector<WeightHandle> weights_;
  OpHandle op_{nullptr, OpDeleter{nullptr}};
  uint64_t workspace_bytes_ = 0;
  DeviceMemory workspace_;
};

}  // namespace trivet::conformance

#endif  // TRIVET_DEVICE_CONFORMANCE_OP_RUNNER_H_
