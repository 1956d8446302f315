#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <random>

#include "measure/operation_bench.h"
#include "measure/probed.h"
#include "tensor/dequantize.h"

namespace trivet {
namespace {

// Random bits, with small scales where the format keeps its halves: no value overflows.
std::vector<std::byte> random_rows(DType dtype, int64_t rows, int64_t cols) {
  std::vector<std::byte> data(row_bytes(dtype, cols) * static_cast<size_t>(rows));
  std::mt19937_64 random(1);
  for (size_t i = 0; i + 8 <= data.size(); i += 8) {
    const uint64_t bits = random();
    std::memcpy(&data[i], &bits, 8);
  }
  const size_t block = block_shape(dtype).bytes;
  const uint16_t small = f32_to_f16(0.01f);
  for (size_t at = 0; at + block <= data.size(); at += block) {
    const float value = static_cast<float>(at % 97) * 1e-3f;
    const uint16_t half = dtype == DType::kF16 ? f32_to_f16(value) : f32_to_bf16(value);
    if (dtype == DType::kF32) {
      std::memcpy(&data[at], &value, block);
    } else if (!is_quantized(dtype)) {
      std::memcpy(&data[at], &half, block);
    } else if (dtype == DType::kQ6_K) {
      std::memcpy(&data[at + block - 2], &small, 2);
    } else {
      std::memcpy(&data[at], &small, 2);
      if (block_shape(dtype).columns > 32 || dtype == DType::kQ4_1 || dtype == DType::kQ5_1) {
        std::memcpy(&data[at + 2], &small, 2);
      }
    }
  }
  return data;
}

trivet_machine_limit limit_for(DType dtype) {
  if (is_quantized(dtype)) return TRIVET_LIMIT_INT8_OPS;
  return dtype == DType::kBF16 ? TRIVET_LIMIT_BF16_FLOPS : TRIVET_LIMIT_F32_FLOPS;
}

}  // namespace

trivet_weight_desc LinearBench::weight_desc() const {
  return {sizeof(trivet_weight_desc),
          TRIVET_WEIGHT_LINEAR,
          static_cast<uint32_t>(dtype_),
          rows_,
          cols_,
          source_.data()};
}

Result<std::unique_ptr<LinearBench>> LinearBench::create(Device& device, DType dtype, int64_t rows,
                                                         int64_t cols, uint64_t weight_bytes) {
  if (rows < 1 || cols < 1 || cols % block_shape(dtype).columns != 0) {
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("{} x {} is no matrix of {}: columns must be a multiple of {}", rows,
                             cols, dtype_name(dtype), block_shape(dtype).columns));
  }
  std::unique_ptr<LinearBench> bench(new LinearBench(device, dtype, rows, cols));
  bench->source_ = random_rows(dtype, rows, cols);
  bench->params_.size = sizeof(trivet_linear_params);
  const trivet_weight_desc desc = bench->weight_desc();
  const uint64_t bytes = device.table().weight_bytes(device.handle(), &desc);
  if (bytes == UINT64_MAX) {
    return Error(ErrorCode::kUnimplemented,
                 fmt::format("the device has no linear operation for {}", dtype_name(dtype)));
  }
  const uint64_t count = std::max<uint64_t>(1, weight_bytes / std::max<uint64_t>(bytes, 1));
  // A device that uses the source in place reads the same bytes in every call.
  const uint64_t weights = bytes == 0 ? 1 : count;
  const uint64_t stride = (bytes + 63) / 64 * 64;
  TRIVET_ASSIGN_OR_RETURN(bench->packed_, device.allocate(stride * weights));
  for (uint64_t i = 0; i < weights; ++i) {
    TRIVET_RETURN_IF_ERROR(
        bench->add_operation(static_cast<std::byte*>(bench->packed_.data()) + i * stride));
  }
  TRIVET_RETURN_IF_ERROR(bench->allocate());
  return bench;
}

Result<void> LinearBench::add_operation(void* memory) {
  trivet_weight_desc desc = weight_desc();
  TRIVET_ASSIGN_OR_RETURN(WeightHandle weight, create_weight(device_, desc, memory));
  trivet_op_desc op{};
  op.size = sizeof op;
  op.kind = TRIVET_OP_LINEAR;
  op.params = &params_;
  op.num_inputs = op.num_weights = 1;
  op.input_cols[0] = static_cast<int32_t>(cols_);
  op.output_cols = static_cast<int32_t>(rows_);
  op.weights[0] = weight.get();
  op.weight_descs[0] = desc;
  const trivet_limits limits = {sizeof limits, kMostRows, 32, kMostRows, 4096};
  TRIVET_ASSIGN_OR_RETURN(OpHandle operation, create_op(device_, op, limits));
  weights_.push_back(std::move(weight));
  operations_.push_back(std::move(operation));
  return {};
}

Result<void> LinearBench::allocate() {
  TRIVET_ASSIGN_OR_RETURN(
      workspace_, device_.allocate(device_.table().op_workspace_bytes(operations_.front().get())));
  TRIVET_ASSIGN_OR_RETURN(
      inputs_, device_.allocate(sizeof(float) * kMostRows * static_cast<uint64_t>(cols_)));
  TRIVET_ASSIGN_OR_RETURN(
      outputs_, device_.allocate(sizeof(float) * kMostRows * static_cast<uint64_t>(rows_)));
  std::mt19937 random(2);
  std::vector<float> values(kMostRows * static_cast<size_t>(cols_));
  for (float& value : values) value = std::normal_distribution<float>()(random);
  return check_status(
      device_.table().memory_copy(device_.handle(), inputs_.data(), values.data(),
                                  values.size() * sizeof(float), TRIVET_HOST_TO_DEVICE, nullptr),
      "copying the inputs");
}

Result<OperationRate> LinearBench::measure(int rows_in, const BenchSeconds& seconds) {
  if (rows_in < 1 || rows_in > kMostRows) {
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("{} rows: must be 1 to {}", rows_in, kMostRows));
  }
  trivet_step step{};
  step.size = sizeof step;
  step.num_rows = rows_in;
  trivet_run run{};
  run.size = sizeof run;
  run.step = &step;
  run.num_rows = rows_in;
  run.inputs[0] = static_cast<const float*>(inputs_.data());
  run.output = static_cast<float*>(outputs_.data());
  run.workspace = workspace_.data();
  const double elements = static_cast<double>(rows_) * static_cast<double>(cols_);
  const CallWork work = {2.0 * rows_in * elements, static_cast<double>(source_.size())};
  return measure_probed(device_, limit_for(dtype_), work, seconds, [&] {
    trivet_op* operation = operations_[next_++ % operations_.size()].get();
    return check_status(device_.table().op_run(operation, &run), "running a linear");
  });
}

Result<OperationRate> measure_quantize(Device& device, DType dtype, int64_t cols,
                                       const BenchSeconds& seconds) {
  constexpr int64_t kFewRows = 16;
  TRIVET_ASSIGN_OR_RETURN(const auto bench, LinearBench::create(device, dtype, kFewRows, cols, 0));
  TRIVET_ASSIGN_OR_RETURN(OperationRate rate, bench->measure(LinearBench::kMostRows, seconds));
  rate.bytes_per_second =
      sizeof(float) * LinearBench::kMostRows * static_cast<double>(cols) / rate.timing.seconds;
  return rate;
}

}  // namespace trivet
