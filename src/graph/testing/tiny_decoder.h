// A small decoder with seeded random weights, for tests of passes and programs.
#ifndef TRIVET_GRAPH_TESTING_TINY_DECODER_H_
#define TRIVET_GRAPH_TESTING_TINY_DECODER_H_

#include <cmath>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "graph/graph_builder.h"

namespace trivet {

struct TinyDecoderOptions {
  int num_layers = 2;
  int hidden = 32, intermediate = 48, vocab = 40;
  int num_heads = 4, num_kv_heads = 2, head_dim = 8;
  int block_tokens = 16;
  bool bias = false;          // of queries, keys and values
  bool head_norms = false;    // of queries and keys
  bool post_norms = false;    // norms of the results of attention and feed-forward
  float embedding_scale = 1;  // a SCALE node after the embedding
  float softcap = 0;          // of the logits
  int window = 0;             // of odd layers, as a second cache group
  trivet_activation activation = TRIVET_ACT_SILU;
  uint32_t seed = 7;
};

// Writes the graph as models do, one node per elementary step.
class TinyDecoder {
 public:
  explicit TinyDecoder(const TinyDecoderOptions& options)
      : options_(options), random_(options.seed), builder_("tiny") {}

  Result<Graph> build() {
    const auto& o = options_;
    auto kv = make_params<trivet_kv_desc>();
    kv.layers_per_group = o.window > 0 ? o.num_layers / 2 : o.num_layers;
    kv.num_kv_heads = o.num_kv_heads;
    kv.head_dim = o.head_dim;
    kv.block_tokens = o.block_tokens;
    std::vector<GraphKvGroup> groups = {{kv.layers_per_group, 0}};
    if (o.window > 0) groups.push_back({kv.layers_per_group, o.window});
    builder_.set_cache(kv, groups);

    ValueId x = builder_.embedding(
        "token_embedding", weight("token_embedding", o.vocab, o.hidden, TRIVET_WEIGHT_EMBEDDING));
    if (o.embedding_scale != 1) x = builder_.scale("embedding_scale", x, o.embedding_scale);
    const ValueId table = builder_.rope_table("rope_table", frequencies(), 1.0f);
    for (int layer = 0; layer < o.num_layers; ++layer) {
      builder_.begin_layer(layer);
      x = residual("attn", x, attention(norm("attn_norm", x), table, layer));
      x = residual("ffn", x, feed_forward(norm("ffn_norm", x)));
    }
    builder_.end_layers();
    x = linear("output", norm("output_norm", x), o.vocab);
    if (o.softcap > 0) x = builder_.softcap("logit_softcap", x, o.softcap);
    return builder_.finish(builder_.gather_rows("logit_rows", x));
  }

 private:
  std::vector<float> random_values(size_t count, float center, float spread) {
    std::uniform_real_distribution<float> distribution(center - spread, center + spread);
    std::vector<float> values(count);
    for (float& value : values) value = distribution(random_);
    return values;
  }

  WeightId weight(const std::string& name, int rows, int cols, trivet_weight_usage usage) {
    auto values = std::make_shared<std::vector<float>>(
        random_values(static_cast<size_t>(rows) * static_cast<size_t>(cols), 0.0f, 0.35f));
    GraphWeight result{.name = name, .dtype = DType::kF32, .rows = rows, .cols = cols};
    result.data = std::as_bytes(std::span<const float>(*values));
    result.usage = usage;
    result.keepalive = values;
    return builder_.add_weight(std::move(result));
  }

  ValueId linear(const std::string& name, ValueId x, int rows, bool bias = false) {
    const int cols = x == norm_value_ ? options_.hidden : wide_cols_;
    std::vector<float> values;
    if (bias) values = random_values(static_cast<size_t>(rows), 0.0f, 0.5f);
    return builder_.linear(name, x, weight(name, rows, cols, TRIVET_WEIGHT_LINEAR), values);
  }

  ValueId norm(const std::string& name, ValueId x) {
    norm_value_ = builder_.rms_norm(
        name, x, random_values(static_cast<size_t>(options_.hidden), 1.0f, 0.3f), 1e-5f);
    return norm_value_;
  }

  ValueId attention(ValueId x, ValueId table, int layer) {
    const auto& o = options_;
    const ValueId q = linear("attn_q", x, o.num_heads * o.head_dim, o.bias);
    const ValueId k = linear("attn_k", x, o.num_kv_heads * o.head_dim, o.bias);
    const ValueId v = linear("attn_v", x, o.num_kv_heads * o.head_dim, o.bias);
    ValueId qkv = builder_.concat("attn_qkv", {q, k, v});
    const RopeHeads queries{0, o.num_heads, o.head_dim, o.head_dim, TRIVET_ROPE_HALF};
    const RopeHeads keys{o.num_heads * o.head_dim, o.num_kv_heads, o.head_dim, o.head_dim,
                         TRIVET_ROPE_HALF};
    if (o.head_norms) {
      const auto size = static_cast<size_t>(o.head_dim);
      qkv = builder_.head_norm("attn_q_norm", qkv, queries, random_values(size, 1, 0.3f), 1e-6f);
      qkv = builder_.head_norm("attn_k_norm", qkv, keys, random_values(size, 1, 0.3f), 1e-6f);
    }
    qkv = builder_.rope("attn_q_rope", qkv, table, queries);
    qkv = builder_.rope("attn_k_rope", qkv, table, keys);
    const bool windowed = o.window > 0 && layer % 2 == 1;
    AttentionShape shape{.num_heads = o.num_heads,
                         .scale = 1.0f / std::sqrt(static_cast<float>(o.head_dim)),
                         .softcap = 0.0f,
                         .kv_group = windowed ? 1 : 0,
                         .kv_layer = o.window > 0 ? layer / 2 : layer};
    const ValueId attended = builder_.attention("attn", qkv, shape);
    wide_cols_ = o.num_heads * o.head_dim;
    return linear("attn_output", attended, o.hidden);
  }

  ValueId feed_forward(ValueId x) {
    const auto& o = options_;
    const ValueId gate = linear("ffn_gate", x, o.intermediate);
    const ValueId up = linear("ffn_up", x, o.intermediate);
    const ValueId pair = builder_.gated_activation("ffn_gate_up", gate, up, o.activation);
    wide_cols_ = o.intermediate;
    return linear("ffn_down", pair, o.hidden);
  }

  ValueId residual(const std::string& name, ValueId x, ValueId y) {
    if (options_.post_norms) y = norm(name + "_post_norm", y);
    return builder_.add(name + "_residual", x, y);
  }

  std::vector<float> frequencies() const {
    std::vector<float> result;
    for (int i = 0; i < options_.head_dim / 2; ++i) {
      result.push_back(
          std::pow(100.0f, -2.0f * static_cast<float>(i) / static_cast<float>(options_.head_dim)));
    }
    return result;
  }

  TinyDecoderOptions options_;
  std::mt19937 random_;
  GraphBuilder builder_;
  ValueId norm_value_ = kNoValue;  // of `hidden` columns; other inputs of linears have wide_cols_
  int wide_cols_ = 0;
};

inline Graph tiny_decoder(const TinyDecoderOptions& options = {}) {
  Result<Graph> graph = TinyDecoder(options).build();
  if (!graph) check_failed(graph.error().message());
  return std::move(graph).value();
}

}  // namespace trivet

#endif  // TRIVET_GRAPH_TESTING_TINY_DECODER_H_
