// Any bytes as a GGUF file: an error or a model whose tensors can all be read, never a crash.
#include "tensor/dequantize.h"
#include "weights/gguf/gguf_model.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const trivet::FileBytes file{"fuzz.gguf", std::as_bytes(std::span(data, size))};
  (void)trivet::gguf_part_paths(file);
  const auto parts = trivet::read_gguf_model({&file, 1});
  if (!parts.ok()) return 0;
  for (const auto& tensor : parts->tensors) {
    if (tensor.cols > (1 << 16)) continue;
    std::vector<float> row(static_cast<size_t>(tensor.cols));
    const size_t bytes = trivet::row_bytes(tensor.dtype, tensor.cols);
    trivet::dequantize_row(tensor.dtype, tensor.data.data() + tensor.data.size() - bytes, row);
  }
  return 0;
}
