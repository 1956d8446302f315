#include <cstring>

#include "measure/operation_bench.h"
#include "measure/probed.h"

namespace trivet {
namespace {

constexpr int kBlockTokens = 32;

// The step of a case: tables, positions and memory, alive as long as the measurement.
class AttentionStep {
 public:
  AttentionStep(const AttentionCase& shape, trivet_kv_dtype dtype)
      : shape_(shape),
        blocks_per_sequence_((shape.context + shape.tokens + kBlockTokens - 1) / kBlockTokens) {
    params_.size = sizeof params_;
    params_.kv = {sizeof(trivet_kv_desc),       1, shape.kv_heads, shape.head_dim, kBlockTokens,
                  static_cast<uint32_t>(dtype), 0};
    params_.num_heads = shape.heads;
    params_.scale = 0.1f;
    for (int s = 0; s < shape.sequences; ++s) {
      // Blocks of a sequence lie apart, as in a server that has run for a while.
      for (int i = 0; i < blocks_per_sequence_; ++i) table_.push_back(i * shape.sequences + s);
      for (int i = 0; i < shape.tokens; ++i) positions_.push_back(shape.context + i);
      row_begin_.push_back(static_cast<int32_t>(positions_.size()));
    }
  }

  Result<void> allocate(Device& device) {
    trivet_op_desc desc{};
    desc.size = sizeof desc;
    desc.kind = TRIVET_OP_ATTENTION;
    desc.params = &params_;
    desc.num_inputs = 1;
    desc.input_cols[0] = (shape_.heads + 2 * shape_.kv_heads) * shape_.head_dim;
    desc.output_cols = shape_.heads * shape_.head_dim;
    const trivet_limits limits = {sizeof limits, 1024, 64, 64, 1 << 17};
    block_bytes_ = device.table().kv_block_bytes(device.handle(), &params_.kv);
    if (block_bytes_ == 0) {
      return Error(ErrorCode::kUnimplemented, "the device has no cache of this type");
    }
    TRIVET_ASSIGN_OR_RETURN(operation_, create_op(device, desc, limits));
    TRIVET_ASSIGN_OR_RETURN(cache_, device.allocate(block_bytes_ * table_.size()));
    TRIVET_ASSIGN_OR_RETURN(workspace_,
                            device.allocate(device.table().op_workspace_bytes(operation_.get())));
    const auto rows = static_cast<uint64_t>(positions_.size());
    TRIVET_ASSIGN_OR_RETURN(
        input_, device.allocate(sizeof(float) * rows * static_cast<uint64_t>(desc.input_cols[0])));
    TRIVET_ASSIGN_OR_RETURN(
        output_, device.allocate(sizeof(float) * rows * static_cast<uint64_t>(desc.output_cols)));
    return fill(device);
  }

  double cache_bytes() const {
    const double positions =
        static_cast<double>(shape_.sequences) * (shape_.context + shape_.tokens);
    return static_cast<double>(block_bytes_) * positions / kBlockTokens;
  }

  Result<void> run(Device& device) {
    const int32_t* tables[1] = {table_.data()};
    trivet_step step{};
    step.size = sizeof step;
    step.num_rows = static_cast<int32_t>(positions_.size());
    step.positions = positions_.data();
    step.num_sequences = shape_.sequences;
    step.row_begin = row_begin_.data();
    step.num_kv_groups = 1;
    step.block_tables = tables;
    step.block_table_stride = blocks_per_sequence_;
    step.kv_memory = cache_.data();
    step.num_kv_blocks = static_cast<int32_t>(table_.size());
    trivet_run run{};
    run.size = sizeof run;
    run.step = &step;
    run.num_rows = step.num_rows;
    run.inputs[0] = static_cast<const float*>(input_.data());
    run.output = static_cast<float*>(output_.data());
    run.workspace = workspace_.data();
    return check_status(device.table().op_run(operation_.get(), &run), "running attention");
  }

 private:
  // Memory that nobody wrote is one page of zeros, which no cache misses.
  Result<void> fill(Device& device) {
    for (const DeviceMemory* memory : {&cache_, &input_}) {
      const std::vector<std::byte> bytes(memory->bytes(), std::byte{0x2C});
      TRIVET_RETURN_IF_ERROR(
          check_status(device.table().memory_copy(device.handle(), memory->data(), bytes.data(),
                                                  bytes.size(), TRIVET_HOST_TO_DEVICE, nullptr),
                       "filling the cache"));
    }
    return {};
  }

  const AttentionCase& shape_;
  const int blocks_per_sequence_;
  trivet_attention_params params_{};
  uint64_t block_bytes_ = 0;
  std::vector<int32_t> table_, positions_, row_begin_ = {0};
  DeviceMemory cache_, workspace_, input_, output_;
  OpHandle operation_;
};

}  // namespace

std::vector<AttentionCase> usual_attention_cases() {
  return {
      {"decode 4k, 14/2 heads of 64", 14, 2, 64, 4096, 1, 1},
      {"decode 8k, 12/2 heads of 128", 12, 2, 128, 8192, 1, 1},
      {"decode 8 x 1k, 4/4 of 128", 4, 4, 128, 1024, 1, 8},
      {"decode 32 x 128, 14/2 of 64", 14, 2, 64, 128, 1, 32},
      {"prompt 256 at 0, 9/3 of 64", 9, 3, 64, 0, 256, 1},
      {"prompt 256 at 4k, 14/2 of 64", 14, 2, 64, 4096, 256, 1},
      {"prompt 256 at 4k, 12/2 of 128", 12, 2, 128, 4096, 256, 1},
  };
}

Result<OperationRate> measure_attention(Device& device, const AttentionCase& shape,
                                        trivet_kv_dtype dtype, const BenchSeconds& seconds) {
  AttentionStep step(shape, dtype);
  TRIVET_RETURN_IF_ERROR(step.allocate(device));
  const double pairs = static_cast<double>(shape.sequences) * shape.tokens *
                       (shape.context + (shape.tokens + 1) / 2.0);
  const CallWork work = {4.0 * pairs * shape.heads * shape.head_dim, step.cache_bytes()};
  const trivet_machine_limit limit =
      dtype == TRIVET_KV_F16 ? TRIVET_LIMIT_F32_FLOPS : TRIVET_LIMIT_BF16_FLOPS;
  return measure_probed(device, limit, work, seconds, [&] { return step.run(device); });
}

}  // namespace trivet
