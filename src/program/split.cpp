#include "program/split.h"

#include <fmt/format.h>

#include <string>
#include <utility>

namespace trivet {
namespace {

ValueId add_value(Graph& graph, std::string name, int32_t cols, RowDomain domain) {
  graph.values.push_back({std::move(name), cols, domain});
  return static_cast<ValueId>(graph.values.size() - 1);
}

// A node of the same layer whose name says what it was part of.
GraphNode piece_of(const GraphNode& whole, const char* suffix, OpParams params,
                   std::vector<ValueId> inputs, ValueId output) {
  return {.name = whole.name + suffix,
          .params = std::move(params),
          .inputs = std::move(inputs),
          .output = output,
          .weights = {},
          .layer = whole.layer};
}

}  // namespace

LinearParts parts_of(const trivet_linear_params& linear) {
  return {.norm = linear.norm_weight != nullptr,
          .activation = linear.activation != TRIVET_ACT_NONE,
          .residual = linear.add_residual != 0};
}

std::vector<GraphNode> split_linear(Graph& graph, const GraphNode& node, LinearParts parts) {
  std::vector<GraphNode> pieces;
  const RowDomain domain = graph.values[static_cast<size_t>(node.output)].domain;
  const int32_t cols = graph.cols(node.output);
  GraphNode core = node;
  auto& linear = *core.as<trivet_linear_params>();
  if (parts.norm) {
    auto norm = make_params<trivet_rms_norm_params>();
    norm.weight = std::exchange(linear.norm_weight, nullptr);
    norm.eps = std::exchange(linear.norm_eps, 0.0f);
    const ValueId y = add_value(graph, node.name + ".norm", graph.cols(node.inputs[0]), domain);
    pieces.push_back(piece_of(node, ".norm", norm, {node.inputs[0]}, y));
    core.inputs[0] = y;
  }
  const size_t core_index = pieces.size();
  pieces.push_back(core);
  ValueId result = node.output;
  if (parts.residual) {
    const ValueId residual = node.inputs[1];
    linear.add_residual = 0;
    core.inputs.resize(1);
    result = add_value(graph, node.name + ".product", cols, domain);
    pieces.push_back(piece_of(node, ".add", AddParams{}, {result, residual}, node.output));
  }
  core.output = result;
  if (parts.activation) {
    auto gated = make_params<trivet_gated_activation_params>();
    gated.activation = std::exchange(linear.activation, uint32_t{TRIVET_ACT_NONE});
    core.output = add_value(graph, node.name + ".pair", 2 * cols, domain);
    // Between the linear and the addition.
    pieces.insert(pieces.begin() + static_cast<std::ptrdiff_t>(core_index) + 1,
                  piece_of(node, ".activation", gated, {core.output}, result));
  }
  pieces[core_index] = std::move(core);
  return pieces;
}

std::vector<GraphNode> split_segments(Graph& graph, const GraphNode& node) {
  const auto& whole = *node.as<trivet_linear_params>();
  const RowDomain domain = graph.values[static_cast<size_t>(node.output)].domain;
  std::vector<GraphNode> pieces;
  std::vector<ValueId> parts;
  const float* bias = whole.bias;
  for (size_t i = 0; i < node.weights.size(); ++i) {
    const auto rows =
        static_cast<int32_t>(graph.weights[static_cast<size_t>(node.weights[i])].rows);
    auto linear = make_params<trivet_linear_params>();
    if (bias) {
      linear.bias = graph.add_constant(std::vector<float>(bias, bias + rows));
      bias += rows;
    }
    const std::string suffix = fmt::format(".{}", i);
    parts.push_back(add_value(graph, node.name + suffix, rows, domain));
    pieces.push_back(piece_of(node, suffix.c_str(), linear, {node.inputs[0]}, parts.back()));
    pieces.back().weights = {node.weights[i]};
  }
  pieces.push_back(piece_of(node, ".concat", ConcatParams{}, parts, node.output));
  return pieces;
}

std::vector<GraphNode> split_attention(Graph& graph, const GraphNode& node) {
  const auto& fused = *node.as<trivet_attention_params>();
  const int32_t qkv_cols = graph.cols(node.inputs[0]);
  const int32_t head_dim = fused.kv.head_dim, num_kv_heads = fused.kv.num_kv_heads;
  const int32_t key_col = fused.num_heads * head_dim;
  std::vector<GraphNode> pieces;
  ValueId x = node.inputs[0];
  // Appends an in-place piece and goes on with its output.
  auto append = [&](const char* suffix, OpParams params, std::vector<ValueId> inputs) {
    const ValueId y = add_value(graph, node.name + suffix, qkv_cols, RowDomain::kTokens);
    pieces.push_back(piece_of(node, suffix, std::move(params), std::move(inputs), y));
    x = y;
  };
  auto append_norm = [&](const char* suffix, int32_t first_col, int32_t heads,
                         const float* weight) {
    auto norm = make_params<trivet_head_norm_params>();
    norm.first_col = first_col;
    norm.num_heads = heads;
    norm.head_dim = head_dim;
    norm.weight = weight;
    norm.eps = fused.norm_eps;
    append(suffix, norm, {x});
  };
  auto append_rope = [&](const char* suffix, int32_t first_col, int32_t heads) {
    auto rope = make_params<trivet_rope_params>();
    rope.first_col = first_col;
    rope.num_heads = heads;
    rope.head_dim = head_dim;
    rope.rotary_dim = fused.rotary_dim;
    rope.style = fused.rope_style;
    append(suffix, rope, {x, node.inputs[1]});
  };
  if (fused.query_norm) append_norm(".query_norm", 0, fused.num_heads, fused.query_norm);
  if (fused.key_norm) append_norm(".key_norm", key_col, num_kv_heads, fused.key_norm);
  append_rope(".query_rope", 0, fused.num_heads);
  append_rope(".key_rope", key_col, num_kv_heads);

  auto write = make_params<trivet_kv_write_params>();
  write.kv = fused.kv;
  write.key_col = key_col;
  write.value_col = key_col + num_kv_heads * head_dim;
  write.kv_group = fused.kv_group;
  write.kv_layer = fused.kv_layer;
  pieces.push_back(piece_of(node, ".kv_write", write, {x}, kNoValue));

  auto attention = fused;
  attention.fused_rope_write = 0;
  attention.rotary_dim = 0;
  attention.rope_style = 0;
  attention.query_norm = attention.key_norm = nullptr;
  attention.norm_eps = 0;
  pieces.push_back(piece_of(node, ".attend", attention, {x}, node.output));
  return pieces;
}

}  // namespace trivet
