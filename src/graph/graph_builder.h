// Writes a graph node by node; what architecture files use.
#ifndef TRIVET_GRAPH_GRAPH_BUILDER_H_
#define TRIVET_GRAPH_GRAPH_BUILDER_H_

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "graph/graph.h"

namespace trivet {

// The heads of one projection and how they rotate.
struct RopeHeads {
  int32_t first_col = 0;
  int32_t num_heads = 0;
  int32_t head_dim = 0;
  int32_t rotary_dim = 0;
  trivet_rope_style style = TRIVET_ROPE_HALF;
};

struct AttentionShape {
  int32_t num_heads = 0;
  float scale = 1.0f;
  float softcap = 0.0f;  // 0 = none
  int32_t kv_group = 0;
  int32_t kv_layer = 0;
};

// Calls never fail: the first mistake is kept and comes back from finish(), and nodes after it are
// ignored. One thread. Names are those of nodes, without the layer, which begin_layer() prepends.
class GraphBuilder {
 public:
  explicit GraphBuilder(std::string name) { graph_.name = std::move(name); }

  // Following nodes belong to decoder layer `layer` and are named "layer.<layer>.<name>".
  void begin_layer(int layer) { layer_ = layer; }
  void end_layers() { layer_ = -1; }

  void set_cache(const trivet_kv_desc& kv, std::vector<GraphKvGroup> groups);
  WeightId add_weight(GraphWeight weight);

  ValueId embedding(const std::string& name, WeightId table);
  // inv_freq: [rotary_dim / 2]
  ValueId rope_table(const std::string& name, std::vector<float> inv_freq, float magnitude);
  ValueId rms_norm(const std::string& name, ValueId x, std::vector<float> weight, float eps);
  // bias: [rows of the weight], empty = none
  ValueId linear(const std::string& name, ValueId x, WeightId weight, std::vector<float> bias = {});
  ValueId head_norm(const std::string& name, ValueId x, const RopeHeads& heads,
                    std::vector<float> weight, float eps);
  ValueId rope(const std::string& name, ValueId x, ValueId table, const RopeHeads& heads);
  // Writes keys and values to the cache, then attends. `qkv` holds queries, keys, values side by
  // side.
  ValueId attention(const std::string& name, ValueId qkv, const AttentionShape& shape);
  ValueId concat(const std::string& name, std::vector<ValueId> parts);
  // act(gate) * up
  ValueId gated_activation(const std::string& name, ValueId gate, ValueId up,
                           trivet_activation activation);
  ValueId add(const std::string& name, ValueId a, ValueId b);
  ValueId scale(const std::string& name, ValueId x, float factor);
  ValueId softcap(const std::string& name, ValueId x, float cap);
  ValueId gather_rows(const std::string& name, ValueId x);

  // The first mistake of the caller, which finish() then reports.
  void fail(Error error);
  // The validated graph whose logits are `output`.
  Result<Graph> finish(ValueId output);

 private:
  ValueId append(const std::string& name, OpParams params, std::vector<ValueId> inputs,
                 std::vector<WeightId> weights = {});

  Graph graph_;
  int layer_ = -1;
  std::optional<Error> error_;
};

}  // namespace trivet

#endif  // TRIVET_GRAPH_GRAPH_BUILDER_H_
