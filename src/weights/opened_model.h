// What every format's reader makes, and the ModelSource over it.
#ifndef TRIVET_WEIGHTS_OPENED_MODEL_H_
#define TRIVET_WEIGHTS_OPENED_MODEL_H_

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/mapped_file.h"
#include "weights/model_source.h"

namespace trivet {

struct ModelParts {
  std::string path;
  std::string_view format;
  ModelConfig config;
  GenerationDefaults generation;
  TextSource text;
  std::vector<TensorView> tensors;  // point into the files
  std::vector<MetadataEntry> metadata;
  std::string fingerprint;
};

// A file as its bytes; the readers work on these, so that they can be tested without files.
struct FileBytes {
  std::string path;
  std::span<const std::byte> bytes;
};

// Takes over the mappings that the parts point into.
std::unique_ptr<ModelSource> make_model_source(ModelParts parts, std::vector<MappedFile> files);

// The identity of a model: its headers, the sizes of its files, and a few bytes of up to 64 tensors
// (two fine-tunings of one model can have equal headers).
std::string model_fingerprint(std::span<const std::span<const std::byte>> headers,
                              std::span<const FileBytes> files,
                              std::span<const TensorView> tensors);

// For MetadataEntry::json: the text quoted and, beyond 4096 bytes, shortened; bytes that are not
// UTF-8 are replaced.
std::string json_text(std::string_view text);

}  // namespace trivet

#endif  // TRIVET_WEIGHTS_OPENED_MODEL_H_
