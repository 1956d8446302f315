#include "program/step_program.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "graph/ops/op_rules.h"
#include "program/placement.h"
#include "program/row_concat.h"
#include "program/step_check.h"
#include "program/value_layout.h"
#include "program/weight_store.h"
#include "program/workspace.h"

namespace trivet {
namespace {

// One operation, ready to run: everything but the step and the number of rows is filled in.
struct PreparedCall {
  trivet_status (*op_run)(trivet_op*, const trivet_run*) = nullptr;  // null: `concat`
  trivet_op* op = nullptr;
  trivet_run run{};
  RowConcat concat;
};

Result<void> check_limits(const trivet_limits& limits) {
  const bool positive = limits.max_rows > 0 && limits.max_sequences > 0 &&
                        limits.max_output_rows > 0 && limits.max_positions > 0;
  if (positive) return {};
  return Error(
      ErrorCode::kInvalidArgument,
      fmt::format("limits of {} rows, {} sequences, {} output rows, {} positions: all must "
                  "be positive",
                  limits.max_rows, limits.max_sequences, limits.max_output_rows,
                  limits.max_positions));
}

int32_t vocabulary_of(const Graph& graph) {
  for (const GraphNode& node : graph.nodes) {
    if (!node.as<trivet_embedding_params>()) continue;
    return static_cast<int32_t>(graph.weights[static_cast<size_t>(node.weights[0])].rows);
  }
  return 0;
}

uint64_t logits_bytes(const Graph& graph, const trivet_limits& limits) {
  return static_cast<uint64_t>(limits.max_output_rows) *
         static_cast<uint64_t>(graph.cols(graph.output)) * sizeof(float);
}

class PlannedProgram final : public StepProgram {
 public:
  PlannedProgram(Device& device, const trivet_limits& limits) : devices_(device), limits_(limits) {}

  Result<void> prepare(const Graph& source, const LoadProgress& progress) {
    TRIVET_ASSIGN_OR_RETURN(PlacedGraph placed, place_operations(source, devices_));
    TRIVET_ASSIGN_OR_RETURN(weights_, WeightStore::load(placed, devices_, progress));
    constants_ = placed.graph.constants;
    checker_.emplace(limits_, vocabulary_of(placed.graph), placed.graph.kv, placed.graph.kv_groups);
    TRIVET_RETURN_IF_ERROR(create_operations(placed));
    TRIVET_RETURN_IF_ERROR(allocate_values(placed));
    warnings_ = std::move(placed.warnings);
    memory_.weight_bytes = weights_->bytes().packed;
    memory_.in_place_bytes = weights_->bytes().in_place;
    memory_.kv_block_bytes = placed.kv_block_bytes;
    return {};
  }

  Result<void> run_body(const trivet_step& step) override {
    body_rows_ = 0;
    TRIVET_RETURN_IF_ERROR(checker_->check_body(step));
    TRIVET_RETURN_IF_ERROR(run_calls(0, body_size_, step, step.num_rows));
    body_rows_ = step.num_rows;
    return {};
  }

  Result<std::span<float>> run_head(const trivet_step& step) override {
    if (step.num_rows != body_rows_) {
      return Error(
          ErrorCode::kInvalidArgument,
          fmt::format("step: {} rows, but the body ran for {}", step.num_rows, body_rows_));
    }
    TRIVET_RETURN_IF_ERROR(checker_->check_output_rows(step));
    TRIVET_RETURN_IF_ERROR(run_calls(body_size_, calls_.size(), step, step.num_output_rows));
    const size_t count =
        static_cast<size_t>(step.num_output_rows) * static_cast<size_t>(vocab_size_);
    if (host_logits_.empty()) return std::span<float>(logits_, count);
    Device& device = devices_.device();
    TRIVET_RETURN_IF_ERROR(check_status(
        device.table().memory_copy(device.handle(), host_logits_.data(), logits_,
                                   count * sizeof(float), TRIVET_DEVICE_TO_HOST, nullptr),
        "copying logits to the host"));
    return std::span<float>(host_logits_).first(count);
  }

  const ProgramMemory& memory() const override { return memory_; }
  int num_operations() const override { return static_cast<int>(calls_.size()); }
  const std::vector<std::string>& warnings() const override { return warnings_; }

 private:
  Result<void> create_operations(const PlacedGraph& placed) {
    body_size_ = placed.body_size;
    for (size_t i = 0; i < placed.graph.nodes.size(); ++i) {
      const GraphNode& node = placed.graph.nodes[i];
      names_.push_back(fmt::format("{} ({})", node.name, op_name(node.params)));
      PreparedCall call;
      if (placed.places[i] == Place::kHost) {
        call.concat.num_inputs = static_cast<int32_t>(node.inputs.size());
        for (size_t k = 0; k < node.inputs.size(); ++k) {
          call.concat.cols[k] = placed.graph.cols(node.inputs[k]);
        }
      } else {
        TRIVET_RETURN_IF_ERROR(create_operation(placed, i, call));
      }
      calls_.push_back(call);
    }
    return {};
  }

  Result<void> create_operation(const PlacedGraph& placed, size_t index, PreparedCall& call) {
    const GraphNode& node = placed.graph.nodes[index];
    Device& device = devices_.at(placed.places[index]);
    trivet_op_desc desc = describe_node(placed.graph, node);
    for (size_t k = 0; k < node.weights.size(); ++k) {
      desc.weights[k] = weights_->find(node.weights[k], placed.places[index]);
    }
    Result<OpHandle> op = create_op(device, desc, limits_);
    if (!op) return op.error().with_context("node \"" + node.name + "\"");
    call.op_run = device.table().op_run;
    call.op = op->get();
    workspace_bytes_ = std::max(workspace_bytes_, device.table().op_workspace_bytes(call.op));
    operations_.push_back(std::move(op).value());
    return {};
  }

  // Values first, then the workspace that all operations share.
  Result<void> allocate_values(const PlacedGraph& placed) {
    const ValueLayout layout = layout_values(placed.graph, placed.body_size, limits_);
    TRIVET_ASSIGN_OR_RETURN(values_, devices_.device().allocate(layout.bytes + workspace_bytes_));
    auto* const base = static_cast<std::byte*>(values_.data());
    auto address = [&](ValueId value) {
      return reinterpret_cast<float*>(base + layout.offsets[static_cast<size_t>(value)]);
    };
    for (size_t i = 0; i < calls_.size(); ++i) {
      const GraphNode& node = placed.graph.nodes[i];
      trivet_run& run = calls_[i].run;
      run.size = sizeof(run);
      for (size_t k = 0; k < node.inputs.size(); ++k) run.inputs[k] = address(node.inputs[k]);
      if (node.output != kNoValue) run.output = address(node.output);
      run.workspace = base + layout.bytes;
    }
    vocab_size_ = placed.graph.cols(placed.graph.output);
    logits_ = address(placed.graph.output);
    memory_.activation_bytes = layout.bytes + workspace_bytes_;
    if (devices_.device().info().host_memory == 0) {
      host_logits_.resize(logits_bytes(placed.graph, limits_) / sizeof(float));
      memory_.activation_bytes += logits_bytes(placed.graph, limits_);
    }
    return {};
  }

  Result<void> run_calls(size_t begin, size_t end, const trivet_step& step, int32_t rows) {
    for (size_t i = begin; i < end; ++i) {
      PreparedCall& call = calls_[i];
      call.run.step = &step;
      call.run.num_rows = rows;
      if (!call.op_run) {
        call.concat.run(call.run);
        continue;
      }
      const trivet_status status = call.op_run(call.op, &call.run);
      if (status != TRIVET_OK) [[unlikely]]
        return check_status(status, "running " + names_[i]);
    }
    return {};
  }

  // Members die from last to first: operations before the weights and the device that they use.
  DevicePair devices_;
  trivet_limits limits_;
  std::vector<GraphConstant> constants_;
  std::optional<WeightStore> weights_;
  DeviceMemory values_;
  std::vector<OpHandle> operations_;
  std::optional<StepChecker> checker_;
  std::vector<PreparedCall> calls_;
  std::vector<std::string> names_;  // for messages
  size_t body_size_ = 0;
  int32_t body_rows_ = 0;  // of the last run_body, 0 = it failed
  uint64_t workspace_bytes_ = 0;
  int32_t vocab_size_ = 0;
  float* logits_ = nullptr;
  std::vector<float> host_logits_;  // only where the host cannot read the device's memory
  ProgramMemory memory_;
  std::vector<std::string> warnings_;
};

}  // namespace

Result<ProgramMemory> StepProgram::plan(const Graph& graph, Device& device,
                                        const trivet_limits& limits) {
  TRIVET_RETURN_IF_ERROR(check_limits(limits));
  TRIVET_RETURN_IF_ERROR(validate(graph));
  DevicePair devices(device);
  TRIVET_ASSIGN_OR_RETURN(const PlacedGraph placed, place_operations(graph, devices));
  TRIVET_ASSIGN_OR_RETURN(const uint64_t workspace, estimate_workspace(placed, devices, limits));
  const WeightBytes weights = WeightStore::count(placed, devices);
  ProgramMemory memory;
  memory.weight_bytes = weights.packed;
  memory.in_place_bytes = weights.in_place;
  memory.activation_bytes = layout_values(placed.graph, placed.body_size, limits).bytes + workspace;
  if (device.info().host_memory == 0) memory.activation_bytes += logits_bytes(graph, limits);
  memory.kv_block_bytes = placed.kv_block_bytes;
  return memory;
}

Result<std::unique_ptr<StepProgram>> StepProgram::lower(const Graph& graph, Device& device,
                                                        const trivet_limits& limits,
                                                        const LoadProgress& progress) {
  TRIVET_RETURN_IF_ERROR(check_limits(limits));
  TRIVET_RETURN_IF_ERROR(validate(graph));
  auto program = std::make_unique<PlannedProgram>(device, limits);
  TRIVET_RETURN_IF_ERROR(program->prepare(graph, progress));
  return std::unique_ptr<StepProgram>(std::move(program));
}

}  // namespace trivet
