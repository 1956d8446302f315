// GGUF metadata to the project's own configuration.
#ifndef TRIVET_WEIGHTS_GGUF_GGUF_CONFIG_H_
#define TRIVET_WEIGHTS_GGUF_GGUF_CONFIG_H_

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "weights/gguf/gguf_header.h"
#include "weights/model_source.h"

namespace trivet {

// Of an unknown architecture, the keys that exist under their usual names.
Result<ModelConfig> read_gguf_config(const GgufHeader& header);
Result<GenerationDefaults> read_gguf_generation(const GgufHeader& header);
// Vocabulary, special tokens, template. Ids are checked against the vocabulary.
Result<TextSource> read_gguf_text(const GgufHeader& header);
std::vector<MetadataEntry> read_gguf_metadata(const GgufHeader& header);

// "blk.3.attn_q.weight" -> "layer.3.attn_q"; names without a canonical form stay as they are.
std::string canonical_gguf_name(std::string_view name);

}  // namespace trivet

#endif  // TRIVET_WEIGHTS_GGUF_GGUF_CONFIG_H_
