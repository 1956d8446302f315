// The header of a safetensors file.
// Format: github.com/huggingface/safetensors, README "Format": a 64-bit length, a JSON object of
// that many bytes, then the data; the tensors cover the data without holes or overlaps.
#ifndef TRIVET_WEIGHTS_SAFETENSORS_SAFETENSORS_HEADER_H_
#define TRIVET_WEIGHTS_SAFETENSORS_SAFETENSORS_HEADER_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "tensor/dtype.h"

namespace trivet {

struct SafeTensor {
  std::string name;
  DType dtype;
  std::vector<int64_t> shape;
  std::span<const std::byte> data;  // into the bytes that were parsed
};

struct SafetensorsHeader {
  std::vector<SafeTensor> tensors;              // in the order of their data
  std::map<std::string, std::string> metadata;  // "__metadata__"
  std::span<const std::byte> header;            // length and JSON
};

// Everything checked: sizes, shapes against offsets, 64-bit products, no holes, nothing behind the
// last tensor. `path` is for messages.
Result<SafetensorsHeader> parse_safetensors(std::span<const std::byte> file,
                                            const std::string& path);

}  // namespace trivet

#endif  // TRIVET_WEIGHTS_SAFETENSORS_SAFETENSORS_HEADER_H_
