#include "weights/gguf/gguf_model.h"

#include <gmock/gmock.h>

#include <cmath>
#include <filesystem>

#include "weights/gguf/gguf_config.h"
#include "weights/gguf/gguf_test_file.h"

namespace trivet {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using namespace testing_gguf;

class GgufModel : public testing::Test {
 protected:
  Result<ModelParts> read(const GgufTestFile& file) {
    content_ = file.build();
    const FileBytes bytes{"m.gguf", bytes_of(content_)};
    return read_gguf_model({&bytes, 1});
  }
  ModelParts must_read(const GgufTestFile& file) {
    auto parts = read(file);
    if (!parts.ok()) ADD_FAILURE() << parts.error().message();
    return parts.ok() ? *std::move(parts) : ModelParts{};
  }

  std::string content_;
};

TEST_F(GgufModel, ReadsTheConfigurationOfALlama) {
  const ModelParts parts = must_read(tiny_llama());
  const ModelConfig& c = parts.config;
  EXPECT_EQ(c.architecture, "llama");
  EXPECT_EQ(c.name, "tiny");
  EXPECT_EQ(c.hidden_size, 32);
  EXPECT_EQ(c.intermediate_size, 64);
  EXPECT_EQ(c.num_layers, 1);
  EXPECT_EQ(c.num_heads, 2);
  EXPECT_EQ(c.num_kv_heads, 1);
  EXPECT_EQ(c.head_dim, 16);
  EXPECT_EQ(c.vocab_size, 8);
  EXPECT_EQ(c.context_length, 128);
  EXPECT_FLOAT_EQ(c.norm_eps, 1e-6f);
  EXPECT_EQ(c.rope.theta, 10000.0);
  EXPECT_EQ(c.rope.rotary_dim, 16);
  EXPECT_EQ(c.rope_style, TRIVET_ROPE_INTERLEAVED);
  EXPECT_TRUE(c.tied_embeddings);
  EXPECT_TRUE(c.layer_has_window.empty());
}

TEST_F(GgufModel, GivesTensorsTheirCanonicalNames) {
  const ModelParts parts = must_read(tiny_llama());
  std::vector<std::string> names;
  for (const auto& tensor : parts.tensors) names.push_back(tensor.name);
  EXPECT_THAT(names, ElementsAre("token_embedding", "output_norm", "layer.0.attn_norm",
                                 "layer.0.ffn_norm", "layer.0.attn_q", "layer.0.attn_k",
                                 "layer.0.attn_v", "layer.0.attn_output", "layer.0.ffn_gate",
                                 "layer.0.ffn_up", "layer.0.ffn_down", "layer.0.attn_q.bias"));
  EXPECT_EQ(parts.tensors[5].rows, 16);
  EXPECT_EQ(parts.tensors[5].cols, 32);
  EXPECT_EQ(parts.tensors[5].data.size(), 2048u);
}

TEST_F(GgufModel, KeepsNamesThatHaveNoCanonicalForm) {
  EXPECT_EQ(canonical_gguf_name("blk.07.attn_q.weight"), "blk.07.attn_q.weight");
  EXPECT_EQ(canonical_gguf_name("blk.7.ffn_gate_exps.weight"), "blk.7.ffn_gate_exps.weight");
  EXPECT_EQ(canonical_gguf_name("blk.7.attn_q.scale"), "blk.7.attn_q.scale");
  EXPECT_EQ(canonical_gguf_name("blk.12.post_ffw_norm.weight"), "layer.12.ffn_post_norm");
  EXPECT_EQ(canonical_gguf_name("rope_freqs.weight"), "rope_factors");
}

TEST_F(GgufModel, ReadsTheVocabularyAndItsEnds) {
  const ModelParts parts = must_read(tiny_llama().string("tokenizer.chat_template", "{{ x }}"));
  ASSERT_TRUE(parts.text.vocabulary.has_value());
  EXPECT_EQ(parts.text.vocabulary->tokens[7], "<|im_start|>");
  EXPECT_EQ(parts.text.vocabulary->pre, "smollm");
  EXPECT_EQ(parts.text.bos_token, "<s>");
  EXPECT_EQ(parts.text.eos_token, "</s>");
  EXPECT_THAT(parts.text.end_tokens, ElementsAre(4, 2));
  EXPECT_EQ(parts.text.chat_template, "{{ x }}");
  EXPECT_FALSE(parts.text.vocabulary->add_bos.has_value());
}

TEST_F(GgufModel, RefusesTokensOutsideTheVocabulary) {
  auto parts = read(tiny_llama().u32("tokenizer.ggml.eot_token_id", 8));
  ASSERT_FALSE(parts.ok());
  EXPECT_THAT(parts.error().message(),
              HasSubstr("metadata \"tokenizer.ggml.eot_token_id\" at offset"));
  EXPECT_THAT(parts.error().message(), HasSubstr("token 8 is outside the vocabulary of 8"));
}

TEST_F(GgufModel, RefusesShapesThatContradictTheConfiguration) {
  auto parts = read(tiny_llama().tensor({"blk.0.attn_q_norm.weight", {32}}));
  ASSERT_FALSE(parts.ok());
  EXPECT_THAT(parts.error().message(),
              HasSubstr("\"blk.0.attn_q_norm.weight\": has the shape [1, 32]; the configuration "
                        "needs [1, 16]"));
  parts = read(tiny_llama().tensor({"blk.1.attn_norm.weight", {32}}));
  ASSERT_FALSE(parts.ok());
  EXPECT_THAT(parts.error().message(), HasSubstr("belongs to layer 1 of a model of 1 layers"));
}

TEST_F(GgufModel, RefusesImpossibleHyperParameters) {
  auto parts = read(tiny_llama().u32("llama.rope.dimension_count", 15));
  ASSERT_FALSE(parts.ok());
  EXPECT_THAT(parts.error().message(), HasSubstr("rope dimensions: 15"));
  parts = read(tiny_llama().f32("llama.rope.freq_base", -1.0f));
  EXPECT_THAT(parts.error().message(), HasSubstr("rope base"));
  parts = read(tiny_llama().f32("llama.rope.freq_base", std::nanf("")));
  EXPECT_THAT(parts.error().message(), HasSubstr("is not a finite number"));
  parts = read(tiny_llama()
                   .string("llama.vocab_size", "many")
                   .string("llama.rope.scaling.type", "longrope"));
  EXPECT_EQ(parts.error().code(), ErrorCode::kUnimplemented);
}

TEST_F(GgufModel, Gemma3SlidesInFiveLayersOfSix) {
  GgufTestFile file = tiny_llama("gemma3");
  file.u32("gemma3.attention.sliding_window", 512).f32("gemma3.rope.freq_base", 1e6f);
  file.u32("gemma3.attention.key_length", 16);
  const ModelConfig c = must_read(file).config;
  EXPECT_EQ(c.sliding_window, 512);
  EXPECT_THAT(c.layer_has_window, ElementsAre(true));
  ASSERT_TRUE(c.local_rope.has_value());
  EXPECT_EQ(c.local_rope->theta, 10000.0);
  EXPECT_EQ(c.rope.theta, 1e6);
  EXPECT_EQ(c.embedding_scale, std::sqrt(32.0f));
  EXPECT_EQ(c.attention_scale, 0.25f);
  EXPECT_EQ(c.activation, TRIVET_ACT_GELU_TANH);
  EXPECT_EQ(c.rope_style, TRIVET_ROPE_HALF);
}

TEST_F(GgufModel, ReadsRopeScaling) {
  GgufTestFile linear = tiny_llama().string("llama.rope.scaling.type", "linear");
  ModelConfig c = must_read(linear.f32("llama.rope.scaling.factor", 8.0f)).config;
  EXPECT_EQ(c.rope.scaling, RopeScaling::kLinear);
  EXPECT_EQ(c.rope.factor, 8.0);
  GgufTestFile yarn = tiny_llama().string("llama.rope.scaling.type", "yarn");
  yarn.f32("llama.rope.scaling.factor", 4.0f);
  c = must_read(yarn.u32("llama.rope.scaling.original_context_length", 64)).config;
  EXPECT_EQ(c.rope.scaling, RopeScaling::kYarn);
  EXPECT_EQ(c.rope.original_context, 64);
  EXPECT_EQ(c.rope.attention_factor, 0.0);
}

TEST_F(GgufModel, OpensUnknownArchitecturesForInspection) {
  GgufTestFile file;
  file.string("general.architecture", "mamba").tensor({"blk.0.ssm_a", {3, 5}});
  const ModelParts parts = must_read(file);
  EXPECT_EQ(parts.config.architecture, "mamba");
  EXPECT_EQ(parts.tensors[0].name, "blk.0.ssm_a");
  EXPECT_EQ(parts.tensors[0].rows, 5);
}

TEST_F(GgufModel, ShowsMetadataWithLongListsCut) {
  GgufTestFile file = tiny_llama();
  file.numbers<int32_t>("x.list", GgufType::kInt32, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10});
  const ModelParts parts = must_read(file.string("x.text", "a\"\xff"));
  const auto& list = parts.metadata[parts.metadata.size() - 2];
  EXPECT_EQ(list.type, "array of 10 int32");
  EXPECT_EQ(list.json, "[1, 2, 3, 4, 5, 6, 7, 8, \"...\"]");
  EXPECT_EQ(parts.metadata.back().json, "\"a\\\"\xEF\xBF\xBD\"");
}

TEST_F(GgufModel, FingerprintFollowsTheContents) {
  const std::string first = must_read(tiny_llama()).fingerprint;
  EXPECT_EQ(first.size(), 64u);
  EXPECT_EQ(must_read(tiny_llama()).fingerprint, first);
  EXPECT_NE(must_read(tiny_llama().u32("x", 1)).fingerprint, first);
  std::string content = tiny_llama().build();
  content[content.size() - 64] ^= 1;  // the middle of the last tensor's data
  const FileBytes bytes{"m.gguf", bytes_of(content)};
  EXPECT_NE(read_gguf_model({&bytes, 1})->fingerprint, first);
}

class SplitGguf : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = testing::TempDir() + "split_gguf_" + std::to_string(::getpid());
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::string part(int number) {
    return folder_ + "/m-0000" + std::to_string(number) + "-of-00002.gguf";
  }

  void write_parts(uint16_t second_number) {
    GgufTestFile first = tiny_llama();
    first.u16("split.no", 0).u16("split.count", 2).u32("split.tensors.count", 13);
    write_file(part(1), first.build());
    GgufTestFile second;
    second.u16("split.no", second_number).u16("split.count", 2);
    second.tensor({"output.weight", {32, 8}});
    write_file(part(2), second.build());
  }

  std::string folder_;
};

TEST_F(SplitGguf, OpensAllPartsThroughTheFirst) {
  write_parts(1);
  auto model = ModelSource::open(part(1));
  ASSERT_TRUE(model.ok()) << model.error().message();
  EXPECT_EQ((*model)->tensors().size(), 13u);
  EXPECT_FALSE((*model)->config().tied_embeddings);
  ASSERT_NE((*model)->find("output"), nullptr);
  (*model)->drop_pages(*(*model)->find("output"));
  EXPECT_EQ((*model)->find("output")->data.size(), 1024u);
}

TEST_F(SplitGguf, NamesTheFirstPartWhenGivenAnother) {
  write_parts(1);
  auto model = ModelSource::open(part(2));
  ASSERT_FALSE(model.ok());
  EXPECT_THAT(model.error().message(), HasSubstr("open the first part, " + part(1)));
}

TEST_F(SplitGguf, RefusesMissingAndMixedUpParts) {
  write_parts(0);
  EXPECT_THAT(ModelSource::open(part(1)).error().message(), HasSubstr("split.no"));
  std::filesystem::remove(part(2));
  EXPECT_EQ(ModelSource::open(part(1)).error().code(), ErrorCode::kNotFound);
}

}  // namespace
}  // namespace trivet
