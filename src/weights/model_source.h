// An opened model: configuration, tensors and text parts, from GGUF or from a safetensors folder.
#ifndef TRIVET_WEIGHTS_MODEL_SOURCE_H_
#define TRIVET_WEIGHTS_MODEL_SOURCE_H_

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "tensor/dtype.h"
#include "text/vocabulary.h"
#include "weights/model_config.h"

namespace trivet {

// A tensor inside a mapped file. Matrices are [rows = output features][cols = input features],
// row-major.
struct TensorView {
  std::string name;       // canonical, see below
  std::string file_name;  // as the file calls it, for messages
  DType dtype;
  int64_t rows = 1;  // 1 for vectors
  int64_t cols = 0;
  std::span<const std::byte> data;
};

// The text side of a model.
struct TextSource {
  std::string tokenizer_json;  // empty if the model has a GGUF vocabulary
  std::optional<Vocabulary> vocabulary;
  std::string chat_template;         // empty = none
  std::string bos_token, eos_token;  // texts, for the template; may be empty
  std::vector<TokenId> end_tokens;   // generation stops at any of these
};

// One key of the file's own metadata, for display.
struct MetadataEntry {
  std::string key;
  std::string type;  // "uint32", "array of 49152 string", "json"
  std::string
      json;  // the value as JSON; long lists are cut to their first elements, long texts shortened
};

// Canonical tensor names, the same for every file format (layer i from 0):
//   token_embedding, output_norm, output
//   layer.i.{attn_norm, attn_q, attn_k, attn_v, attn_output, attn_q_norm, attn_k_norm,
//   attn_post_norm,
//            ffn_norm, ffn_gate, ffn_up, ffn_down, ffn_post_norm}[.bias]
// Weights have no suffix, biases end in ".bias". rope_factors (optional, [rotary_dim/2] divisors of
// the frequencies).
//
// Owns the mappings; TensorViews point into them. Immutable and thread-safe once open. Everything
// in the files has been checked: shapes against the configuration where it names them, offsets,
// sizes, types.
class ModelSource {
 public:
  // `path`: a .gguf file (or the first of its split parts), a folder with config.json and
  // *.safetensors, or a single .safetensors file with config.json beside it. Errors name the file,
  // the field and the offset.
  static Result<std::unique_ptr<ModelSource>> open(const std::string& path);

  virtual ~ModelSource() = default;
  virtual const std::string& path() const = 0;
  virtual std::string_view format() const = 0;  // "gguf", "safetensors"
  virtual const ModelConfig& config() const = 0;
  virtual const GenerationDefaults& generation_defaults() const = 0;
  virtual const TextSource& text() const = 0;
  virtual const TensorView* find(std::string_view canonical_name) const = 0;  // nullptr = absent
  virtual std::span<const TensorView> tensors() const = 0;
  // Gives the tensor's pages back once it has been copied or repacked (see MappedFile::drop).
  virtual void drop_pages(const TensorView& tensor) const = 0;
  // Everything the file says about itself, in its order.
  virtual std::span<const MetadataEntry> metadata() const { return {}; }
  // A stable identity of the contents (sha256 over headers, sizes and samples of the tensors), for
  // caches.
  virtual const std::string& fingerprint() const = 0;
};

}  // namespace trivet

#endif  // TRIVET_WEIGHTS_MODEL_SOURCE_H_
