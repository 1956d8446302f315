// A model source in memory with seeded random weights, for tests.
#ifndef TRIVET_MODELS_TESTING_TINY_MODEL_H_
#define TRIVET_MODELS_TESTING_TINY_MODEL_H_

#include <cstdint>
#include <cstring>
#include <deque>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "tensor/dequantize.h"
#include "weights/model_source.h"

namespace trivet {

class TinyModel final : public ModelSource {
 public:
  // Matrices are stored as `dtype` (f32, q8_0 or q4_0), vectors as f32.
  explicit TinyModel(const std::string& architecture, DType dtype = DType::kF32, uint32_t seed = 5)
      : random_(seed) {
    config_.architecture = architecture;
    config_.hidden_size = 64;
    config_.intermediate_size = 96;
    config_.num_layers = 3;
    config_.num_heads = 4;
    config_.num_kv_heads = 2;
    config_.head_dim = 16;
    config_.vocab_size = 50;
    config_.context_length = 128;
    config_.rope.rotary_dim = 16;
    if (architecture == "gemma3") make_gemma();
    add_tensors(dtype);
  }

  ModelConfig& mutable_config() { return config_; }
  TensorView* mutable_find(std::string_view name) {
    for (TensorView& tensor : tensors_) {
      if (tensor.name == name) return &tensor;
    }
    return nullptr;
  }
  void remove(std::string_view name) {
    std::erase_if(tensors_, [&](const TensorView& tensor) { return tensor.name == name; });
  }
  void add(const std::string& name, int64_t rows, int64_t cols, DType dtype = DType::kF32) {
    const std::string file_name = "file:" + name;
    tensors_.push_back({name, file_name, dtype, rows, cols, random_bytes(rows, cols, dtype, name)});
  }

  const std::string& path() const override { return path_; }
  std::string_view format() const override { return "test"; }
  const ModelConfig& config() const override { return config_; }
  const GenerationDefaults& generation_defaults() const override { return generation_; }
  const TextSource& text() const override { return text_; }
  const TensorView* find(std::string_view name) const override {
    return const_cast<TinyModel*>(this)->mutable_find(name);
  }
  std::span<const TensorView> tensors() const override { return tensors_; }
  void drop_pages(const TensorView&) const override {}
  const std::string& fingerprint() const override { return path_; }

 private:
  void make_gemma() {
    config_.norm_weight_offset = 1.0f;
    config_.activation = TRIVET_ACT_GELU_TANH;
    config_.embedding_scale = 8.0f;
    config_.sliding_window = 8;
    config_.layer_has_window = {true, true, false};
    config_.local_rope = config_.rope;
    config_.local_rope->theta = 500;
    config_.logit_softcap = 20.0f;
    config_.tied_embeddings = true;
  }

  void add_tensors(DType dtype) {
    const ModelConfig& c = config_;
    const bool gemma = c.architecture == "gemma3";
    const int queries = c.num_heads * c.head_dim, keys = c.num_kv_heads * c.head_dim;
    add("token_embedding", c.vocab_size, c.hidden_size, dtype);
    add("output_norm", 1, c.hidden_size);
    if (!c.tied_embeddings) add("output", c.vocab_size, c.hidden_size, dtype);
    for (int i = 0; i < c.num_layers; ++i) {
      const std::string layer = "layer." + std::to_string(i) + ".";
      add(layer + "attn_norm", 1, c.hidden_size);
      add(layer + "attn_q", queries, c.hidden_size, dtype);
      add(layer + "attn_k", keys, c.hidden_size, dtype);
      add(layer + "attn_v", keys, c.hidden_size, dtype);
      add(layer + "attn_output", c.hidden_size, queries, dtype);
      add(layer + "ffn_norm", 1, c.hidden_size);
      add(layer + "ffn_gate", c.intermediate_size, c.hidden_size, dtype);
      add(layer + "ffn_up", c.intermediate_size, c.hidden_size, dtype);
      add(layer + "ffn_down", c.hidden_size, c.intermediate_size, dtype);
      if (c.architecture == "qwen2") {
        add(layer + "attn_q.bias", 1, queries);
        add(layer + "attn_k.bias", 1, keys);
        add(layer + "attn_v.bias", 1, keys);
      }
      if (gemma) {
        for (const char* name : {"attn_q_norm", "attn_k_norm"}) add(layer + name, 1, c.head_dim);
        for (const char* name : {"attn_post_norm", "ffn_post_norm"}) {
          add(layer + name, 1, c.hidden_size);
        }
      }
    }
  }

  float uniform(float low, float high) {
    return std::uniform_real_distribution<float>(low, high)(random_);
  }

  std::span<const std::byte> random_bytes(int64_t rows, int64_t cols, DType dtype,
                                          const std::string& name) {
    std::vector<std::byte> bytes(row_bytes(dtype, cols) * static_cast<size_t>(rows));
    if (dtype == DType::kF32) {
      const bool centred_on_one = name.ends_with("norm") && config_.norm_weight_offset == 0;
      for (size_t i = 0; i < bytes.size(); i += sizeof(float)) {
        const float value = uniform(-0.25f, 0.25f) + (centred_on_one ? 1.0f : 0.0f);
        std::memcpy(bytes.data() + i, &value, sizeof value);
      }
    } else {
      // Random quants; the block's scale, the first two bytes, gives weights of the same size.
      for (std::byte& byte : bytes) byte = static_cast<std::byte>(random_() & 0xff);
      const float step = dtype == DType::kQ8_0 ? 0.25f / 128 : 0.25f / 8;
      for (size_t i = 0; i < bytes.size(); i += block_shape(dtype).bytes) {
        const uint16_t scale = f32_to_f16(step * uniform(0.5f, 1.5f));
        std::memcpy(bytes.data() + i, &scale, sizeof scale);
      }
    }
    storage_.push_back(std::move(bytes));
    return storage_.back();
  }

  std::mt19937 random_;
  ModelConfig config_;
  GenerationDefaults generation_;
  TextSource text_;
  std::string path_ = "tiny.model";
  std::deque<std::vector<std::byte>> storage_;
  std::vector<TensorView> tensors_;
};

}  // namespace trivet

#endif  // TRIVET_MODELS_TESTING_TINY_MODEL_H_
