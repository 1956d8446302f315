// A model from the bytes of one GGUF file or of all parts of a split one.
#ifndef TRIVET_WEIGHTS_GGUF_GGUF_MODEL_H_
#define TRIVET_WEIGHTS_GGUF_GGUF_MODEL_H_

#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "weights/opened_model.h"

namespace trivet {

// Paths of all parts, first part first; just `path` if the file is whole. An error if `path` is
// another part than the first.
Result<std::vector<std::string>> gguf_part_paths(const FileBytes& first);

// `files`: as gguf_part_paths gives them. The result points into them.
Result<ModelParts> read_gguf_model(std::span<const FileBytes> files);

}  // namespace trivet

#endif  // TRIVET_WEIGHTS_GGUF_GGUF_MODEL_H_
