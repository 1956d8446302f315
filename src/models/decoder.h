// The blocks that decoder architectures are made of, fed from a model's configuration and tensors.
#ifndef TRIVET_MODELS_DECODER_H_
#define TRIVET_MODELS_DECODER_H_

#include <set>
#include <span>
#include <string>
#include <vector>

#include "graph/graph_builder.h"
#include "models/catalog.h"
#include "models/kv_groups.h"
#include "weights/model_source.h"

namespace trivet {

struct AttentionTraits {
  bool needs_bias =
      false;  // of queries, keys and values; otherwise biases are used where the file has them
  bool head_norms = false;  // RMS norms of each query and key head before the rotation
};

// One use: embed_tokens, then for each layer begin_layer and its blocks, then finish. Mistakes in
// the model (tensors missing or of the wrong shape) come back from finish(). Names of tensors are
// canonical, without "layer.<i>.".
class Decoder {
 public:
  Decoder(const ModelSource& source, const ModelGraphOptions& options);

  int num_layers() const { return config_.num_layers; }
  ValueId embed_tokens();
  void begin_layer(int layer);
  // RMS norm by the tensor of this name.
  ValueId norm(const std::string& name, ValueId x);
  // Projections, rotation, attention within the layer's window, output projection.
  ValueId attention(ValueId x, const AttentionTraits& traits = {});
  // down(act(gate(x)) * up(x))
  ValueId feed_forward(ValueId x);
  ValueId add(const std::string& name, ValueId a, ValueId b) { return builder_.add(name, a, b); }
  GraphBuilder& builder() { return builder_; }  // for what the above does not have
  // Final norm, head, soft cap; checks that no tensor of a layer was left unused.
  Result<Graph> finish(ValueId x);

 private:
  bool has_window(int layer) const;
  void add_rope_tables();
  ValueId linear(const std::string& name, ValueId x, int64_t rows, int64_t cols,
                 bool needs_bias = false);
  ValueId rotate(ValueId qkv, const AttentionTraits& traits);

  // Canonical name in the current layer.
  std::string full_name(const std::string& name) const;
  // Null, with the mistake noted, if it is missing or not [rows][cols].
  const TensorView* tensor(const std::string& full_name, int64_t rows, int64_t cols);
  WeightId weight(const std::string& full_name, int64_t rows, int64_t cols,
                  trivet_weight_usage usage);
  // A vector of floats, empty on mistakes; with the configuration's offset for norms.
  std::vector<float> vector(const std::string& full_name, int64_t size);
  std::vector<float> norm_weight(const std::string& name, int64_t size);
  Result<void> check_all_used() const;

  const ModelSource& source_;
  const ModelConfig& config_;
  const ModelGraphOptions& options_;
  GraphBuilder builder_;
  CacheLayout cache_;
  ValueId rope_table_ = kNoValue, local_rope_table_ = kNoValue;
  int layer_ = -1;
  std::set<std::string> used_;
};

}  // namespace trivet

#endif  // TRIVET_MODELS_DECODER_H_
