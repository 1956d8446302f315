// What people and clients want to know about a model that serves.
#ifndef TRIVET_API_MODEL_FACTS_H_
#define TRIVET_API_MODEL_FACTS_H_

#include <cstdint>
#include <string>

#include "weights/model_source.h"

namespace trivet {

struct ModelFacts {
  std::string format;        // "gguf", "safetensors"
  std::string architecture;  // "llama"
  std::string quantization;  // "Q4_K_M", "BF16"
  std::string digest;        // 64 hexadecimal digits, of the contents
  int64_t parameters = 0;
  uint64_t bytes = 0;      // of all tensors
  int context_length = 0;  // the model's own
  int hidden_size = 0, num_layers = 0, num_heads = 0, num_kv_heads = 0;
};

ModelFacts model_facts(const ModelSource& source);

// "134.52M", "7.6B"
std::string short_number(int64_t value);

}  // namespace trivet

#endif  // TRIVET_API_MODEL_FACTS_H_
