// Qwen2 and Qwen2.5: as Llama, with biases of queries, keys and values.
#include "models/architectures.h"
#include "models/decoder.h"

namespace trivet {

Result<Graph> build_qwen2(const ModelSource& source, const ModelGraphOptions& options) {
  Decoder d(source, options);
  ValueId x = d.embed_tokens();
  for (int layer = 0; layer < d.num_layers(); ++layer) {
    d.begin_layer(layer);
    x = d.add("attn_residual", x, d.attention(d.norm("attn_norm", x), {.needs_bias = true}));
    x = d.add("ffn_residual", x, d.feed_forward(d.norm("ffn_norm", x)));
  }
  return d.finish(x);
}

}  // namespace trivet
