// The first byte says what the rest is: a weights file, or one of the JSON files beside it.
#include <string>

#include "weights/safetensors/hf_folder.h"
#include "weights/safetensors/safetensors_header.h"

namespace {

constexpr const char* kConfig =
    R"({"model_type":"llama","hidden_size":32,"intermediate_size":64,"num_hidden_layers":1,)"
    R"("num_attention_heads":2,"num_key_value_heads":1,"vocab_size":8,)"
    R"("max_position_embeddings":128})";

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  trivet::HfFolder folder;
  folder.path = "fuzz";
  folder.texts["config.json"] = kConfig;
  switch (data[0] % 6) {
    case 0:
      folder.shards.push_back({"fuzz", std::as_bytes(std::span(rest))});
      break;
    case 1:
      folder.texts["config.json"] = rest;
      break;
    case 2:
      folder.texts["generation_config.json"] = rest;
      break;
    case 3:
      folder.texts["tokenizer.json"] = rest;
      break;
    case 4:
      folder.texts["tokenizer_config.json"] = rest;
      break;
    default:
      folder.texts["model.safetensors.index.json"] = rest;
      break;
  }
  (void)trivet::read_safetensors_model(folder);
  return 0;
}
