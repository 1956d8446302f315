// On the real files in the folder named by TRIVET_TEST_MODELS.
#include <gmock/gmock.h>

#include <cstdlib>
#include <filesystem>
#include <random>

#include "base/mapped_file.h"
#include "tensor/dequantize.h"
#include "weights/gguf/gguf_model.h"
#include "weights/model_source.h"

namespace trivet {
namespace {

using testing::ElementsAre;

class RealModel : public testing::Test {
 protected:
  // The path, or empty after skipping the test.
  std::string path(const std::string& file) {
    const char* folder = std::getenv("TRIVET_TEST_MODELS");
    if (folder == nullptr) return "";
    const std::string path = std::string(folder) + "/" + file;
    return std::filesystem::exists(path) ? path : "";
  }
};

#define OPEN_OR_SKIP(model, file)                                                       \
  if (path(file).empty()) GTEST_SKIP() << "needs " << file << " in TRIVET_TEST_MODELS"; \
  auto opened_##model = ModelSource::open(path(file));                                  \
  ASSERT_TRUE(opened_##model.ok()) << opened_##model.error().message();                 \
  const ModelSource& model = **opened_##model

TEST_F(RealModel, SmolLm2IsALlama) {
  OPEN_OR_SKIP(model, "SmolLM2-135M-Instruct.Q4_1.gguf");
  const ModelConfig& c = model.config();
  EXPECT_EQ(c.architecture, "llama");
  EXPECT_EQ(c.hidden_size, 576);
  EXPECT_EQ(c.head_dim, 64);
  EXPECT_EQ(c.rope.theta, 100000.0);
  EXPECT_EQ(c.rope_style, TRIVET_ROPE_INTERLEAVED);
  EXPECT_TRUE(c.tied_embeddings);
  EXPECT_THAT(model.text().end_tokens, ElementsAre(2, 0));
  EXPECT_EQ(model.text().eos_token, "<|im_end|>");
  EXPECT_EQ(model.find("layer.29.ffn_down")->dtype, DType::kQ4_1);
  EXPECT_EQ(model.find("layer.30.ffn_down"), nullptr);
}

TEST_F(RealModel, Gemma3HasTwoRopesAndAWindow) {
  OPEN_OR_SKIP(model, "gemma-3-270m-Q4_K_M.gguf");
  const ModelConfig& c = model.config();
  EXPECT_EQ(c.num_layers, 18);
  EXPECT_EQ(c.head_dim, 256);
  EXPECT_EQ(c.rope.rotary_dim, 256);
  EXPECT_EQ(c.attention_scale, 0.0625f);
  EXPECT_EQ(c.sliding_window, 512);
  EXPECT_TRUE(c.layer_has_window[4]);
  EXPECT_FALSE(c.layer_has_window[5]);
  EXPECT_FALSE(c.layer_has_window[17]);
  EXPECT_EQ(c.local_rope->theta, 10000.0);
  EXPECT_EQ(c.vocab_size, 262144);
  EXPECT_THAT(model.text().end_tokens, ElementsAre(1, 106));
  EXPECT_NE(model.find("layer.0.attn_post_norm"), nullptr);
  EXPECT_NE(model.find("layer.0.ffn_post_norm"), nullptr);
}

TEST_F(RealModel, Qwen2HasBiasesAndItsOwnHead) {
  OPEN_OR_SKIP(model, "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf");
  const ModelConfig& c = model.config();
  EXPECT_EQ(c.architecture, "qwen2");
  EXPECT_EQ(c.num_heads / c.num_kv_heads, 7);
  EXPECT_EQ(c.rope_style, TRIVET_ROPE_HALF);
  EXPECT_FALSE(c.tied_embeddings);
  EXPECT_EQ(model.find("layer.0.attn_k.bias")->cols, 128);
  EXPECT_THAT(model.text().end_tokens, ElementsAre(151645, 151643));
  EXPECT_FALSE(model.text().chat_template.empty());
}

TEST_F(RealModel, DequantizedRowsAreOfThePlausibleSize) {
  for (const char* file : {"SmolLM2-135M-Instruct.Q4_1.gguf", "gemma-3-270m-Q4_K_M.gguf"}) {
    OPEN_OR_SKIP(model, file);
    for (const TensorView& tensor : model.tensors()) {
      std::vector<float> row(static_cast<size_t>(tensor.cols));
      dequantize_row(tensor.dtype, tensor.data.data(), row);
      for (const float value : row) ASSERT_LT(std::abs(value), 2000.0f) << tensor.name;
    }
  }
}

class DamagedRealModel : public RealModel {
 protected:
  // The message if the bytes are refused; fails if it does not say file and place.
  void read(std::span<const std::byte> bytes, const std::string& what) {
    const FileBytes file{"m.gguf", bytes};
    const auto parts = read_gguf_model({&file, 1});
    if (parts.ok()) return;
    EXPECT_TRUE(parts.error().message().starts_with("m.gguf: ")) << what << parts.error().message();
  }
};

TEST_F(DamagedRealModel, IsRefusedWhereverItIsCutOff) {
  const std::string name = path("SmolLM2-135M-Instruct.Q4_1.gguf");
  if (name.empty()) GTEST_SKIP();
  auto mapped = MappedFile::open(name);
  ASSERT_TRUE(mapped.ok());
  const auto whole = mapped->bytes();
  std::mt19937_64 random(7);
  for (int i = 0; i < 200; ++i) {
    const size_t limit = i < 150 ? size_t{2} << 20 : whole.size();
    const auto part = whole.first(random() % limit);
    const FileBytes file{"m.gguf", part};
    const auto parts = read_gguf_model({&file, 1});
    ASSERT_FALSE(parts.ok()) << part.size();
    EXPECT_THAT(parts.error().message(), testing::HasSubstr(" at offset ")) << part.size();
  }
}

TEST_F(DamagedRealModel, SurvivesFlippedBits) {
  const std::string name = path("SmolLM2-135M-Instruct.Q4_1.gguf");
  if (name.empty()) GTEST_SKIP();
  auto mapped = MappedFile::open(name);
  ASSERT_TRUE(mapped.ok());
  // The mapping is private and read-only, so flips need a copy of the file.
  std::vector<std::byte> bytes(mapped->bytes().begin(), mapped->bytes().end());
  std::mt19937_64 random(8);
  for (int i = 0; i < 300; ++i) {
    const size_t at = random() % (i % 3 == 0 ? 4096 : size_t{2} << 20);
    const auto bit = static_cast<std::byte>(1 << (random() % 8));
    bytes[at] ^= bit;
    read(bytes, "byte " + std::to_string(at) + ": ");
    bytes[at] ^= bit;
  }
}

}  // namespace
}  // namespace trivet
