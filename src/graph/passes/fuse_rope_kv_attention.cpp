#include "graph/passes/fuse_rope_kv_attention.h"

#include <optional>

#include "graph/passes/uses.h"

namespace trivet {
namespace {

// The in-place nodes between the projection and attention, by node index; -1 = not there.
struct Chain {
  int query_norm = -1, key_norm = -1;
  int query_rope = -1, key_rope = -1;
  int kv_write = -1;
  ValueId source = kNoValue;  // what enters the first of them
};

// Columns of the fused layout [q | k | v].
struct Columns {
  int32_t key, value, end;
};

Columns columns_of(const trivet_attention_params& attention) {
  const int32_t head_dim = attention.kv.head_dim;
  const int32_t key = attention.num_heads * head_dim;
  const int32_t width = attention.kv.num_kv_heads * head_dim;
  return {key, key + width, key + 2 * width};
}

template <class Params>
bool covers_queries(const Params& params, const trivet_attention_params& attention) {
  return params.first_col == 0 && params.num_heads == attention.num_heads &&
         params.head_dim == attention.kv.head_dim;
}

template <class Params>
bool covers_keys(const Params& params, const trivet_attention_params& attention) {
  return params.first_col == columns_of(attention).key &&
         params.num_heads == attention.kv.num_kv_heads && params.head_dim == attention.kv.head_dim;
}

// The KV_WRITE that, next to attention itself, is the only reader of the rotated value; -1 if there
// are others.
int find_kv_write(const Graph& graph, const Uses& uses, int attention_index) {
  const GraphNode& node = graph.nodes[static_cast<size_t>(attention_index)];
  const auto& attention = *node.as<trivet_attention_params>();
  const auto readers = uses.readers(node.inputs[0]);
  if (readers.size() != 2 || readers[1] != attention_index) return -1;
  const auto* write = graph.nodes[static_cast<size_t>(readers[0])].as<trivet_kv_write_params>();
  if (!write || write->kv_group != attention.kv_group || write->kv_layer != attention.kv_layer) {
    return -1;
  }
  const Columns columns = columns_of(attention);
  const bool standard = write->key_col == columns.key && write->value_col == columns.value &&
                        graph.cols(node.inputs[0]) == columns.end;
  return standard ? readers[0] : -1;
}

// Notes one node found while walking up; false where it does not belong to the pattern. A norm met
// before the rotation of the same heads (walking up) would run after it, which the fused node does
// not.
bool take(const GraphNode& node, int index, const trivet_attention_params& attention,
          Chain& chain) {
  int* slot = nullptr;
  if (const auto* rope = node.as<trivet_rope_params>()) {
    if (covers_queries(*rope, attention) && chain.query_norm < 0) slot = &chain.query_rope;
    if (covers_keys(*rope, attention) && chain.key_norm < 0) slot = &chain.key_rope;
  } else if (const auto* norm = node.as<trivet_head_norm_params>()) {
    if (covers_queries(*norm, attention)) slot = &chain.query_norm;
    if (covers_keys(*norm, attention)) slot = &chain.key_norm;
  }
  if (!slot || *slot >= 0) return false;
  *slot = index;
  return true;
}

// Both rotations by the same table in the same way, norms with the same eps.
bool is_uniform(const Graph& graph, const Chain& chain) {
  if (chain.query_rope < 0 || chain.key_rope < 0) return false;
  const GraphNode& query = graph.nodes[static_cast<size_t>(chain.query_rope)];
  const GraphNode& key = graph.nodes[static_cast<size_t>(chain.key_rope)];
  const auto& a = *query.as<trivet_rope_params>();
  const auto& b = *key.as<trivet_rope_params>();
  if (query.inputs[1] != key.inputs[1] || a.rotary_dim != b.rotary_dim || a.style != b.style) {
    return false;
  }
  if (chain.query_norm < 0 || chain.key_norm < 0) return true;
  return graph.nodes[static_cast<size_t>(chain.query_norm)].as<trivet_head_norm_params>()->eps ==
         graph.nodes[static_cast<size_t>(chain.key_norm)].as<trivet_head_norm_params>()->eps;
}

std::optional<Chain> find_chain(const Graph& graph, const Uses& uses, int attention_index) {
  const GraphNode& node = graph.nodes[static_cast<size_t>(attention_index)];
  const auto& attention = *node.as<trivet_attention_params>();
  Chain chain;
  chain.kv_write = find_kv_write(graph, uses, attention_index);
  if (chain.kv_write < 0) return std::nullopt;
  ValueId value = node.inputs[0];
  while (true) {
    const int writer = uses.writer(value);
    const GraphNode& before = graph.nodes[static_cast<size_t>(writer)];
    if (!before.as<trivet_rope_params>() && !before.as<trivet_head_norm_params>()) break;
    if (!take(before, writer, attention, chain)) return std::nullopt;
    value = before.inputs[0];
    if (!uses.read_once(value)) return std::nullopt;
  }
  chain.source = value;
  if (!is_uniform(graph, chain)) return std::nullopt;
  return chain;
}

void fuse(Graph& graph, const Chain& chain, GraphNode& node, NodeEraser& eraser) {
  auto& attention = *node.as<trivet_attention_params>();
  const GraphNode& rope = graph.nodes[static_cast<size_t>(chain.query_rope)];
  attention.fused_rope_write = 1;
  attention.rotary_dim = rope.as<trivet_rope_params>()->rotary_dim;
  attention.rope_style = rope.as<trivet_rope_params>()->style;
  auto take_norm = [&](int index, const float*& weight) {
    if (index < 0) return;
    const auto& norm = *graph.nodes[static_cast<size_t>(index)].as<trivet_head_norm_params>();
    weight = norm.weight;
    attention.norm_eps = norm.eps;
  };
  take_norm(chain.query_norm, attention.query_norm);
  take_norm(chain.key_norm, attention.key_norm);
  node.inputs = {chain.source, rope.inputs[1]};
  for (int index :
       {chain.query_norm, chain.key_norm, chain.query_rope, chain.key_rope, chain.kv_write}) {
    if (index >= 0) eraser.erase(index);
  }
}

}  // namespace

void fuse_rope_kv_attention(Graph& graph) {
  const Uses uses(graph);
  NodeEraser eraser(graph);
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    const auto* attention = graph.nodes[i].as<trivet_attention_params>();
    if (!attention || attention->fused_rope_write) continue;
    if (const auto chain = find_chain(graph, uses, static_cast<int>(i))) {
      fuse(graph, *chain, graph.nodes[i], eraser);
    }
  }
  eraser.apply(graph);
}

}  // namespace trivet
