// A model as a list of typed operations over values: what passes rewrite and programs are lowered
// from.
#ifndef TRIVET_GRAPH_GRAPH_H_
#define TRIVET_GRAPH_GRAPH_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "tensor/dtype.h"
#include "trivet/backend.h"

namespace trivet {

using ValueId = int32_t;   // index into Graph::values
using WeightId = int32_t;  // index into Graph::weights
inline constexpr ValueId kNoValue = -1;

// How many rows a value has in a step: one per token, or one per row whose logits are wanted.
enum class RowDomain : int32_t { kTokens = 0, kOutputs = 1 };

// Operations of the ABI without parameters, and the one that exists in graphs only: CONCAT puts the
// columns of its inputs side by side. Fusing passes remove it; a program copies rows where it
// remains.
struct AddParams {};
struct GatherRowsParams {};
struct ConcatParams {};

// One definition of every operation's meaning: include/trivet/backend.h. Pointers to floats point
// into Graph::constants.
using OpParams = std::variant<trivet_embedding_params, trivet_rope_table_params,
                              trivet_rms_norm_params, trivet_linear_params, trivet_head_norm_params,
                              trivet_rope_params, trivet_kv_write_params, trivet_attention_params,
                              trivet_gated_activation_params, AddParams, trivet_scale_params,
                              GatherRowsParams, trivet_softcap_params, ConcatParams>;

// A zeroed parameter struct that knows its size.
template <class Params>
Params make_params() {
  Params params{};
  params.size = sizeof(Params);
  return params;
}

struct GraphValue {
  std::string name;
  int32_t cols = 0;  // float32 columns
  RowDomain domain = RowDomain::kTokens;
};

// Values are in SSA form: each is written by one node, before its readers. The operations that work
// in place (HEAD_NORM, ROPE) have a new value as output; a program decides which values share
// memory.
struct GraphNode {
  std::string name;  // "layer.3.attn_q"
  OpParams params;
  std::vector<ValueId> inputs;
  ValueId output = kNoValue;
  std::vector<WeightId> weights;
  int layer = -1;  // decoder layer, -1 = outside

  template <class Params>
  const Params* as() const {
    return std::get_if<Params>(&params);
  }
  template <class Params>
  Params* as() {
    return std::get_if<Params>(&params);
  }
};

// A stored matrix. `data` lies in memory that `keepalive` (if set) or the owner of the source
// keeps.
struct GraphWeight {
  std::string name;
  DType dtype = DType::kF32;
  int64_t rows = 0;  // output features, or vocabulary
  int64_t cols = 0;
  std::span<const std::byte> data;
  trivet_weight_usage usage = TRIVET_WEIGHT_LINEAR;
  std::function<void()> drop;  // gives the pages of `data` back after packing; may be empty
  std::shared_ptr<const void> keepalive;
  const float* column_scale =
      nullptr;  // [cols] or null: multiplied into an F32 weight as it is packed
};

// Layers that share block tables.
struct GraphKvGroup {
  int32_t layers = 0;
  int32_t window = 0;  // 0 = needs all positions
};

using GraphConstant = std::shared_ptr<const std::vector<float>>;

// Copies are cheap: weights are views, constants are shared.
struct Graph {
  std::string name;              // for people
  std::vector<GraphNode> nodes;  // in order of execution
  std::vector<GraphValue> values;
  std::vector<GraphWeight> weights;
  std::vector<GraphConstant> constants;
  trivet_kv_desc kv{};  // of one block, the same for all groups; size 0 = no attention
  std::vector<GraphKvGroup> kv_groups;
  ValueId output = kNoValue;  // logits

  // Takes shared ownership; the pointer is valid as long as a copy of the graph lives.
  const float* add_constant(std::vector<float> values);
  // Elements of the constant that starts at `data`, or -1 if there is none.
  int64_t constant_size(const float* data) const;
  int32_t cols(ValueId value) const { return values[static_cast<size_t>(value)].cols; }
};

// Short name of an operation's kind: "linear". Stable, used in messages and files.
std::string_view op_name(const OpParams& params);
// The ABI's number of the kind; 0 for CONCAT.
uint32_t op_kind(const OpParams& params);

// How many nodes read each value; the graph's output counts as one more reader.
std::vector<int> count_readers(const Graph& graph);
// Index of the node that writes each value, -1 = none.
std::vector<int> find_writers(const Graph& graph);

// Everything a program relies on: ids in range, written before read, shapes by the rule of each
// operation, parameters in range, block shapes of the cache. Errors name the node and the offending
// value. kInvalidArgument.
Result<void> validate(const Graph& graph);

// Removes nodes whose output nobody reads, and values, weights and constants that no node names.
void remove_unused(Graph& graph);

}  // namespace trivet

#endif  // TRIVET_GRAPH_GRAPH_H_
