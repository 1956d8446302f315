#include "device/conformance/op_runner.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

namespace trivet::conformance {
namespace {

// Floats behind every buffer, which must come back untouched.
constexpr int64_t kGuardFloats = 64;
constexpr float kGuard = 1.2345e30f;
constexpr uint64_t kMaxWorkspaceBytes = uint64_t{8} << 30;

trivet_weight_desc describe(uint32_t op_kind, const WeightData& weight, const void* data) {
  trivet_weight_desc desc{};
  desc.size = sizeof desc;
  desc.usage = op_kind == TRIVET_OP_EMBEDDING ? TRIVET_WEIGHT_EMBEDDING : TRIVET_WEIGHT_LINEAR;
  desc.dtype = static_cast<uint32_t>(weight.dtype);
  desc.rows = weight.rows;
  desc.cols = weight.cols;
  desc.data = data;
  return desc;
}

trivet_op_desc describe(const OpSpec& spec) {
  trivet_op_desc desc{};
  desc.size = sizeof desc;
  desc.kind = spec.kind;
  desc.params = spec.params;
  desc.num_inputs = static_cast<int32_t>(spec.input_cols.size());
  for (size_t i = 0; i < spec.input_cols.size(); ++i)
    desc.input_cols[i] = static_cast<int32_t>(spec.input_cols[i]);
  desc.output_cols = static_cast<int32_t>(spec.output_cols);
  desc.output_domain = spec.output_domain;
  desc.num_weights = static_cast<int32_t>(spec.weights.size());
  for (size_t i = 0; i < spec.weights.size(); ++i)
    desc.weight_descs[i] = describe(spec.kind, *spec.weights[i], nullptr);
  return desc;
}

// Pointers into a StepData.
struct StepView {
  StepView(const StepData& data, KvCache* kv) {
    for (const auto& table : data.block_tables) tables.push_back(table.data());
    step.size = sizeof step;
    step.num_rows = data.num_rows();
    step.tokens = data.tokens.data();
    step.positions = data.positions.data();
    step.num_sequences = data.num_sequences();
    step.row_begin = data.row_begin.data();
    step.num_kv_groups = static_cast<int32_t>(tables.size());
    step.block_tables = tables.data();
    step.block_table_stride = data.block_table_stride;
    step.kv_memory = kv ? kv->data() : nullptr;
    step.num_kv_blocks = kv ? kv->num_blocks() : 0;
    step.num_output_rows = static_cast<int32_t>(data.output_rows.size());
    step.output_rows = data.output_rows.data();
  }
  trivet_step step{};
  std::vector<const int32_t*> tables;
};

Error declined(const std::string& what) { return Error(ErrorCode::kUnimplemented, what); }

}  // namespace

void StepData::add_sequence(int32_t first, int32_t count) {
  for (int32_t i = 0; i < count; ++i) {
    positions.push_back(first + i);
    tokens.push_back(0);
  }
  row_begin.push_back(num_rows());
}

StepData simple_step(int32_t num_rows) {
  StepData step;
  step.add_sequence(0, num_rows);
  return step;
}

Result<KvCache> KvCache::create(Device& device, const trivet_kv_desc& desc, int32_t num_blocks) {
  const uint64_t block_bytes = device.table().kv_block_bytes(device.handle(), &desc);
  if (block_bytes == 0) return declined("the backend declines the shape of the key/value cache");
  if (block_bytes > kMaxWorkspaceBytes / static_cast<uint64_t>(num_blocks))
    return Error(ErrorCode::kInternal, "kv_block_bytes is " + std::to_string(block_bytes));
  TRIVET_ASSIGN_OR_RETURN(DeviceMemory memory,
                          device.allocate(block_bytes * static_cast<uint64_t>(num_blocks)));
  return KvCache(device, std::move(memory), block_bytes, num_blocks);
}

Result<void> KvCache::copy_block(int32_t from, int32_t to) {
  return check_status(device_->table().memory_copy(device_->handle(), block(to), block(from),
                                                   block_bytes_, TRIVET_DEVICE_TO_DEVICE, nullptr),
                      "copying a key/value block");
}

Result<void> KvCache::poison_block(int32_t index) {
  const std::vector<std::byte> noise(block_bytes_, std::byte{0xFF});
  return check_status(device_->table().memory_copy(device_->handle(), block(index), noise.data(),
                                                   noise.size(), TRIVET_HOST_TO_DEVICE, nullptr),
                      "overwriting a key/value block");
}

Result<std::unique_ptr<OpRunner>> OpRunner::create(Device& device, const OpSpec& spec,
                                                   const trivet_limits& limits) {
  std::unique_ptr<OpRunner> runner(new OpRunner(device, spec));
  const trivet_op_desc desc = describe(spec);
  if (device.table().op_supported(device.handle(), &desc) == 0)
    return declined("the backend declines the operation");
  TRIVET_RETURN_IF_ERROR(runner->create_weights());
  TRIVET_RETURN_IF_ERROR(runner->prepare(limits));
  return runner;
}

Result<void> OpRunner::create_weights() {
  for (const WeightData* weight : spec_.weights) {
    std::vector<std::byte> source = weight->bytes;
    const trivet_weight_desc desc = describe(spec_.kind, *weight, source.data());
    const uint64_t bytes = device_.table().weight_bytes(device_.handle(), &desc);
    if (bytes == UINT64_MAX) return declined("the backend declines the weight");
    TRIVET_ASSIGN_OR_RETURN(DeviceMemory memory, device_.allocate(bytes));
    auto handle = create_weight(device_, desc, memory.data());
    // op_supported promised this operation, so a refusal here is a fault of the backend.
    if (!handle) return Error(ErrorCode::kInternal, handle.error().message());
    weights_.push_back(std::move(*handle));
    weight_memory_.push_back(std::move(memory));
    if (bytes > 0) std::fill(source.begin(), source.end(), std::byte{0xA5});
    sources_.push_back(std::move(source));
  }
  return {};
}

Result<void> OpRunner::prepare(const trivet_limits& limits) {
  trivet_op_desc desc = describe(spec_);
  for (size_t i = 0; i < weights_.size(); ++i) desc.weights[i] = weights_[i].get();
  auto op = create_op(device_, desc, limits);
  if (!op) return Error(ErrorCode::kInternal, op.error().message());
  op_ = std::move(*op);
  workspace_bytes_ = device_.table().op_workspace_bytes(op_.get());
  if (workspace_bytes_ > kMaxWorkspaceBytes)
    return Error(ErrorCode::kInternal, "op_workspace_bytes is " + std::to_string(workspace_bytes_));
  TRIVET_ASSIGN_OR_RETURN(workspace_,
                          device_.allocate(workspace_bytes_ + kGuardFloats * sizeof(float)));
  const std::vector<float> guard(kGuardFloats, kGuard);
  return copy(static_cast<std::byte*>(workspace_.data()) + workspace_bytes_, guard.data(),
              kGuardFloats * sizeof(float), TRIVET_HOST_TO_DEVICE);
}

Result<void> OpRunner::copy(void* dst, const void* src, uint64_t bytes,
                            trivet_copy_direction direction) {
  return check_status(
      device_.table().memory_copy(device_.handle(), dst, src, bytes, direction, nullptr),
      "copying memory");
}

Result<DeviceMemory> OpRunner::upload(const Matrix& matrix, float guard) {
  std::vector<float> host = matrix.values;
  host.resize(host.size() + kGuardFloats, guard);
  TRIVET_ASSIGN_OR_RETURN(DeviceMemory memory, device_.allocate(host.size() * sizeof(float)));
  TRIVET_RETURN_IF_ERROR(copy(memory.data(), host.data(), memory.bytes(), TRIVET_HOST_TO_DEVICE));
  return memory;
}

Result<Matrix> OpRunner::download(const DeviceMemory& memory, int64_t rows, int64_t cols) {
  Matrix matrix{rows, cols, std::vector<float>(static_cast<size_t>(rows * cols))};
  if (matrix.values.empty()) return matrix;
  TRIVET_RETURN_IF_ERROR(copy(matrix.values.data(), memory.data(),
                              matrix.values.size() * sizeof(float), TRIVET_DEVICE_TO_HOST));
  return matrix;
}

Result<void> OpRunner::check_guards(const DeviceMemory& values) {
  std::vector<float> guard(kGuardFloats);
  const uint64_t bytes = kGuardFloats * sizeof(float);
  TRIVET_RETURN_IF_ERROR(copy(guard.data(),
                              static_cast<const std::byte*>(values.data()) + values.bytes() - bytes,
                              bytes, TRIVET_DEVICE_TO_HOST));
  if (std::all_of(guard.begin(), guard.end(), [](float value) { return value == kGuard; }))
    return {};
  return Error(ErrorCode::kInternal, "the operation wrote behind the end of a buffer");
}

Result<void> OpRunner::launch(trivet_run& run) {
  const trivet_backend& table = device_.table();
  TRIVET_RETURN_IF_ERROR(check_status(table.op_run(op_.get(), &run), "running the operation"));
  if (table.stream_synchronize == nullptr) return {};
  return check_status(table.stream_synchronize(nullptr), "waiting for the operation");
}

Result<Matrix> OpRunner::run(const std::vector<Matrix>& inputs, const StepData& step, KvCache* kv,
                             std::vector<Matrix>* inputs_after) {
  StepView view(step, kv);
  trivet_run run{};
  run.size = sizeof run;
  run.step = &view.step;
  run.num_rows = spec_.output_domain == 1 ? view.step.num_output_rows : view.step.num_rows;
  run.workspace = workspace_.data();
  std::vector<DeviceMemory> memories;
  for (size_t i = 0; i < inputs.size(); ++i) {
    TRIVET_ASSIGN_OR_RETURN(DeviceMemory memory, upload(inputs[i], kGuard));
    run.inputs[i] = static_cast<const float*>(memory.data());
    memories.push_back(std::move(memory));
  }
  if (spec_.output_is_input < 0) {
    const float unwritten = std::numeric_limits<float>::quiet_NaN();
    const size_t size = static_cast<size_t>(run.num_rows * spec_.output_cols);
    TRIVET_ASSIGN_OR_RETURN(DeviceMemory memory, upload(Matrix{run.num_rows, spec_.output_cols,
                                                               std::vector<float>(size, unwritten)},
                                                        kGuard));
    memories.push_back(std::move(memory));
  }
  DeviceMemory& output =
      spec_.output_is_input < 0 ? memories.back() : memories[spec_.output_is_input];
  run.output = spec_.output_cols == 0 ? nullptr : static_cast<float*>(output.data());

  TRIVET_RETURN_IF_ERROR(launch(run));
  for (const DeviceMemory& memory : memories) TRIVET_RETURN_IF_ERROR(check_guards(memory));
  TRIVET_RETURN_IF_ERROR(check_guards(workspace_));
  if (inputs_after != nullptr) {
    inputs_after->clear();
    for (size_t i = 0; i < inputs.size(); ++i) {
      TRIVET_ASSIGN_OR_RETURN(Matrix after, download(memories[i], inputs[i].rows, inputs[i].cols));
      inputs_after->push_back(std::move(after));
    }
  }
  return download(output, run.num_rows, spec_.output_cols);
}

}  // namespace trivet::conformance
