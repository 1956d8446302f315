// Gemma 3 (text): scaled embeddings, norms before and after attention and feed-forward, norms of
// query and key heads, and layers with a sliding window that rotate by another base than those
// without.
#include "models/architectures.h"
#include "models/decoder.h"

namespace trivet {

Result<Graph> build_gemma3(const ModelSource& source, const ModelGraphOptions& options) {
  Decoder d(source, options);
  ValueId x = d.embed_tokens();
  for (int layer = 0; layer < d.num_layers(); ++layer) {
    d.begin_layer(layer);
    const ValueId attended = d.attention(d.norm("attn_norm", x), {.head_norms = true});
    x = d.add("attn_residual", x, d.norm("attn_post_norm", attended));
    const ValueId mixed = d.feed_forward(d.norm("ffn_norm", x));
    x = d.add("ffn_residual", x, d.norm("ffn_post_norm", mixed));
  }
  return d.finish(x);
}

}  // namespace trivet
