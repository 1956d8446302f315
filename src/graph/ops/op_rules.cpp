#include "graph/ops/op_rules.h"

#include <fmt/format.h>

#include <array>
#include <cmath>

namespace trivet {
namespace {

// In the order of OpParams.
constexpr std::array<OpRule, std::variant_size_v<OpParams>> kOpRules = {{
    {"embedding", TRIVET_OP_EMBEDDING, embedding_shape, embedding_attributes, false},
    {"rope_table", TRIVET_OP_ROPE_TABLE, rope_table_shape, rope_table_attributes, false},
    {"rms_norm", TRIVET_OP_RMS_NORM, rms_norm_shape, rms_norm_attributes, true},
    {"linear", TRIVET_OP_LINEAR, linear_shape, linear_attributes, true},
    {"head_norm", TRIVET_OP_HEAD_NORM, head_norm_shape, head_norm_attributes, true},
    {"rope", TRIVET_OP_ROPE, rope_shape, rope_attributes, true},
    {"kv_write", TRIVET_OP_KV_WRITE, kv_write_shape, kv_write_attributes, false},
    {"attention", TRIVET_OP_ATTENTION, attention_shape, attention_attributes, false},
    {"gated_activation", TRIVET_OP_GATED_ACTIVATION, gated_activation_shape,
     gated_activation_attributes, true},
    {"add", TRIVET_OP_ADD, add_shape, no_attributes, true},
    {"scale", TRIVET_OP_SCALE, scale_shape, scale_attributes, true},
    {"gather_rows", TRIVET_OP_GATHER_ROWS, gather_rows_shape, no_attributes, false},
    {"softcap", TRIVET_OP_SOFTCAP, softcap_shape, softcap_attributes, true},
    {"concat", 0, concat_shape, no_attributes, true},
}};

}  // namespace

const OpRule& op_rule(const OpParams& params) { return kOpRules[params.index()]; }
std::string_view op_name(const OpParams& params) { return op_rule(params).name; }
uint32_t op_kind(const OpParams& params) { return op_rule(params).kind; }

std::vector<OpAttribute> no_attributes(const GraphNode&) { return {}; }

Error op_error(const GraphNode& node, const std::string& what) {
  return Error(ErrorCode::kInvalidArgument,
               fmt::format("node \"{}\" ({}): {}", node.name, op_name(node.params), what));
}

Result<void> expect_inputs(const GraphNode& node, size_t count) {
  if (node.inputs.size() == count) return {};
  return op_error(node, fmt::format("has {} inputs, takes {}", node.inputs.size(), count));
}

Result<void> expect_weights(const GraphNode& node, size_t least, size_t most) {
  const size_t count = node.weights.size();
  if (count >= least && count <= most) return {};
  return op_error(node, fmt::format("has {} weights, takes {} to {}", count, least, most));
}

Result<void> expect_constant(const Graph& graph, const GraphNode& node, const float* data,
                             int64_t size, std::string_view what) {
  const int64_t actual = graph.constant_size(data);
  if (actual == size) return {};
  if (actual < 0) return op_error(node, fmt::format("{} is not a constant of the graph", what));
  return op_error(node, fmt::format("{} has {} values, needs {}", what, actual, size));
}

Result<void> expect_equal_cols(const Graph& graph, const GraphNode& node, ValueId a, ValueId b) {
  if (graph.cols(a) != graph.cols(b)) {
    return op_error(node, fmt::format("inputs of {} and {} columns must be of equal width",
                                      graph.cols(a), graph.cols(b)));
  }
  if (domain_of(graph, a) != domain_of(graph, b)) {
    return op_error(node, "one input has a row per token, the other a row per output");
  }
  return {};
}

Result<void> expect_activation(const GraphNode& node, uint32_t activation, bool required) {
  const bool known = activation <= TRIVET_ACT_GELU_TANH;
  if (known && (activation != TRIVET_ACT_NONE || !required)) return {};
  return op_error(node, fmt::format("activation {} is not one that it takes", activation));
}

Result<void> expect_finite(const GraphNode& node, float value, std::string_view what) {
  if (std::isfinite(value)) return {};
  return op_error(node, fmt::format("{} is {}, must be finite", what, value));
}

RowDomain domain_of(const Graph& graph, ValueId value) {
  return graph.values[static_cast<size_t>(value)].domain;
}

std::string number_text(double value) { return fmt::format("{:g}", value); }

std::string_view activation_name(uint32_t activation) {
  switch (activation) {
    case TRIVET_ACT_NONE:
      return "none";
    case TRIVET_ACT_SILU:
      return "silu";
    case TRIVET_ACT_GELU_TANH:
      return "gelu_tanh";
    default:
      return "unknown";
  }
}

}  // namespace trivet
