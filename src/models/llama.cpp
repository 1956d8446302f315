// Llama and its relatives (SmolLM, Mistral): pre-norm layers of rotary attention and a gated
// feed-forward.
#include "models/architectures.h"
#include "models/decoder.h"

namespace trivet {

Result<Graph> build_llama(const ModelSource& source, const ModelGraphOptions& options) {
  Decoder d(source, options);
  ValueId x = d.embed_tokens();
  for (int layer = 0; layer < d.num_layers(); ++layer) {
    d.begin_layer(layer);
    x = d.add("attn_residual", x, d.attention(d.norm("attn_norm", x)));
    x = d.add("ffn_residual", x, d.feed_forward(d.norm("ffn_norm", x)));
  }
  return d.finish(x);
}

}  // namespace trivet
