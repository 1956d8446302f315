// Builds safetensors files for tests, right and wrong ones.
#ifndef TRIVET_WEIGHTS_SAFETENSORS_SAFETENSORS_TEST_FILE_H_
#define TRIVET_WEIGHTS_SAFETENSORS_SAFETENSORS_TEST_FILE_H_

#include <cstdint>
#include <cstring>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "weights/testing/string_bytes.h"

namespace trivet::testing_safetensors {

// The header as given, then `data_bytes` bytes.
inline std::string raw_file(const std::string& header, size_t data_bytes) {
  uint64_t size = header.size();
  std::string file(sizeof size, '\0');
  std::memcpy(file.data(), &size, sizeof size);
  file += header;
  for (size_t i = 0; i < data_bytes; ++i) file += static_cast<char>(i * 13);
  return file;
}

class SafetensorsTestFile {
 public:
  SafetensorsTestFile& tensor(const std::string& name, const std::vector<int64_t>& shape,
                              const std::string& dtype = "F32") {
    int64_t bytes = dtype == "F32" ? 4 : 2;
    for (const int64_t size : shape) bytes *= size;
    header_[name] = {{"dtype", dtype}, {"shape", shape}, {"data_offsets", {end_, end_ + bytes}}};
    end_ += bytes;
    return *this;
  }
  std::string build() const { return raw_file(header_.dump(), static_cast<size_t>(end_)); }

 private:
  nlohmann::json header_ = {{"__metadata__", {{"format", "pt"}}}};
  int64_t end_ = 0;
};

// A model of one layer: hidden 32, 2 heads of 16 over 1 key/value head, inner 64, 8 tokens.
inline nlohmann::json tiny_config(const std::string& model_type = "llama") {
  return {{"model_type", model_type},
          {"hidden_size", 32},
          {"intermediate_size", 64},
          {"num_hidden_layers", 1},
          {"num_attention_heads", 2},
          {"num_key_value_heads", 1},
          {"head_dim", 16},
          {"vocab_size", 8},
          {"max_position_embeddings", 128},
          {"rms_norm_eps", 1e-6},
          {"eos_token_id", 4},
          {"rope_theta", 10000.0},
          {"tie_word_embeddings", false}};
}

inline SafetensorsTestFile tiny_tensors() {
  const std::string layer = "model.layers.0.";
  SafetensorsTestFile file;
  file.tensor("model.embed_tokens.weight", {8, 32}).tensor("model.norm.weight", {32});
  file.tensor("lm_head.weight", {8, 32}, "F16");
  file.tensor(layer + "input_layernorm.weight", {32});
  file.tensor(layer + "post_attention_layernorm.weight", {32});
  file.tensor(layer + "self_attn.q_proj.weight", {32, 32}, "BF16");
  file.tensor(layer + "self_attn.q_proj.bias", {32});
  file.tensor(layer + "self_attn.k_proj.weight", {16, 32});
  file.tensor(layer + "self_attn.v_proj.weight", {16, 32});
  file.tensor(layer + "self_attn.o_proj.weight", {32, 32});
  file.tensor(layer + "mlp.gate_proj.weight", {64, 32})
      .tensor(layer + "mlp.up_proj.weight", {64, 32});
  return file.tensor(layer + "mlp.down_proj.weight", {32, 64});
}

}  // namespace trivet::testing_safetensors

#endif  // TRIVET_WEIGHTS_SAFETENSORS_SAFETENSORS_TEST_FILE_H_
