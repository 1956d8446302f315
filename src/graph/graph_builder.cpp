#include "graph/graph_builder.h"

#include <fmt/format.h>

#include <utility>

#include "graph/ops/op_rules.h"

namespace trivet {

void GraphBuilder::fail(Error error) {
  if (!error_) error_ = std::move(error);
}

void GraphBuilder::set_cache(const trivet_kv_desc& kv, std::vector<GraphKvGroup> groups) {
  graph_.kv = kv;
  graph_.kv_groups = std::move(groups);
}

WeightId GraphBuilder::add_weight(GraphWeight weight) {
  graph_.weights.push_back(std::move(weight));
  return static_cast<WeightId>(graph_.weights.size() - 1);
}

ValueId GraphBuilder::append(const std::string& name, OpParams params, std::vector<ValueId> inputs,
                             std::vector<WeightId> weights) {
  if (error_) return kNoValue;
  GraphNode node{.name = layer_ < 0 ? name : fmt::format("layer.{}.{}", layer_, name),
                 .params = std::move(params),
                 .inputs = std::move(inputs),
                 .output = kNoValue,
                 .weights = std::move(weights),
                 .layer = layer_};
  for (ValueId input : node.inputs) {
    if (input >= 0 && static_cast<size_t>(input) < graph_.values.size()) continue;
    fail(op_error(node, fmt::format("input value {} does not exist", input)));
    return kNoValue;
  }
  for (WeightId weight : node.weights) {
    if (weight >= 0 && static_cast<size_t>(weight) < graph_.weights.size()) continue;
    fail(op_error(node, fmt::format("weight {} does not exist", weight)));
    return kNoValue;
  }
  const Result<OpShape> shape = op_rule(node.params).shape(graph_, node);
  if (!shape) {
    fail(shape.error());
    return kNoValue;
  }
  if (shape->cols > 0) {
    node.output = static_cast<ValueId>(graph_.values.size());
    graph_.values.push_back({node.name, shape->cols, shape->domain});
  }
  graph_.nodes.push_back(std::move(node));
  return graph_.nodes.back().output;
}

ValueId GraphBuilder::embedding(const std::string& name, WeightId table) {
  auto params = make_params<trivet_embedding_params>();
  params.scale = 1.0f;
  return append(name, params, {}, {table});
}

ValueId GraphBuilder::rope_table(const std::string& name, std::vector<float> inv_freq,
                                 float magnitude) {
  auto params = make_params<trivet_rope_table_params>();
  params.rotary_dim = static_cast<int32_t>(2 * inv_freq.size());
  params.inv_freq = graph_.add_constant(std::move(inv_freq));
  params.magnitude = magnitude;
  return append(name, params, {});
}

ValueId GraphBuilder::rms_norm(const std::string& name, ValueId x, std::vector<float> weight,
                               float eps) {
  auto params = make_params<trivet_rms_norm_params>();
  params.weight = graph_.add_constant(std::move(weight));
  params.eps = eps;
  return append(name, params, {x});
}

ValueId GraphBuilder::linear(const std::string& name, ValueId x, WeightId weight,
                             std::vector<float> bias) {
  auto params = make_params<trivet_linear_params>();
  if (!bias.empty()) params.bias = graph_.add_constant(std::move(bias));
  return append(name, params, {x}, {weight});
}

ValueId GraphBuilder::head_norm(const std::string& name, ValueId x, const RopeHeads& heads,
                                std::vector<float> weight, float eps) {
  auto params = make_params<trivet_head_norm_params>();
  params.first_col = heads.first_col;
  params.num_heads = heads.num_heads;
  params.head_dim = heads.head_dim;
  params.weight = graph_.add_constant(std::move(weight));
  params.eps = eps;
  return append(name, params, {x});
}

ValueId GraphBuilder::rope(const std::string& name, ValueId x, ValueId table,
                           const RopeHeads& heads) {
  auto params = make_params<trivet_rope_params>();
  params.first_col = heads.first_col;
  params.num_heads = heads.num_heads;
  params.head_dim = heads.head_dim;
  params.rotary_dim = heads.rotary_dim;
  params.style = heads.style;
  return append(name, params, {x, table});
}

ValueId GraphBuilder::attention(const std::string& name, ValueId qkv, const AttentionShape& shape) {
  auto write = make_params<trivet_kv_write_params>();
  write.kv = graph_.kv;
  write.key_col = shape.num_heads * graph_.kv.head_dim;
  write.value_col = write.key_col + graph_.kv.num_kv_heads * graph_.kv.head_dim;
  write.kv_group = shape.kv_group;
  write.kv_layer = shape.kv_layer;
  append(name + "_kv_write", write, {qkv});

  auto params = make_params<trivet_attention_params>();
  params.kv = graph_.kv;
  params.num_heads = shape.num_heads;
  params.scale = shape.scale;
  params.softcap = shape.softcap;
  params.kv_group = shape.kv_group;
  params.kv_layer = shape.kv_layer;
  const auto group = static_cast<size_t>(shape.kv_group);
  if (group < graph_.kv_groups.size()) params.window = graph_.kv_groups[group].window;
  return append(name, params, {qkv});
}

ValueId GraphBuilder::concat(const std::string& name, std::vector<ValueId> parts) {
  return append(name, ConcatParams{}, std::move(parts));
}

ValueId GraphBuilder::gated_activation(const std::string& name, ValueId gate, ValueId up,
                                       trivet_activation activation) {
  auto params = make_params<trivet_gated_activation_params>();
  params.activation = activation;
  return append(name, params, {concat(name + "_pair", {gate, up})});
}

ValueId GraphBuilder::add(const std::string& name, ValueId a, ValueId b) {
  return append(name, AddParams{}, {a, b});
}

ValueId GraphBuilder::scale(const std::string& name, ValueId x, float factor) {
  auto params = make_params<trivet_scale_params>();
  params.factor = factor;
  return append(name, params, {x});
}

ValueId GraphBuilder::softcap(const std::string& name, ValueId x, float cap) {
  auto params = make_params<trivet_softcap_params>();
  params.cap = cap;
  return append(name, params, {x});
}

ValueId GraphBuilder::gather_rows(const std::string& name, ValueId x) {
  return append(name, GatherRowsParams{}, {x});
}

Result<Graph> GraphBuilder::finish(ValueId output) {
  if (error_) return *error_;
  graph_.output = output;
  TRIVET_RETURN_IF_ERROR(validate(graph_));
  return std::move(graph_);
}

}  // namespace trivet
