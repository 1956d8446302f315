#include <gmock/gmock.h>

#include <cmath>
#include <filesystem>
#include <fstream>

#include "weights/model_source.h"
#include "weights/safetensors/hf_folder.h"
#include "weights/safetensors/safetensors_test_file.h"

namespace trivet {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using namespace testing_safetensors;

ModelConfig must_read(const json& config) {
  auto read = read_hf_config(config.dump(), "config.json");
  if (!read.ok()) ADD_FAILURE() << read.error().message();
  return read.ok() ? *read : ModelConfig{};
}

TEST(HfConfig, ReadsALlama) {
  const ModelConfig c = must_read(tiny_config());
  EXPECT_EQ(c.architecture, "llama");
  EXPECT_EQ(c.rope_style, TRIVET_ROPE_HALF);
  EXPECT_EQ(c.head_dim, 16);
  EXPECT_EQ(c.norm_weight_offset, 0.0f);
  EXPECT_EQ(c.rope.rotary_dim, 16);
  EXPECT_EQ(c.sliding_window, 0);
  EXPECT_EQ(c.attention_scale, 0.0f);
}

TEST(HfConfig, ReadsBothFormsOfRopeScaling) {
  json old_form = tiny_config();
  old_form["rope_theta"] = 500000.0;
  old_form["rope_scaling"] = {{"rope_type", "llama3"},
                              {"factor", 32.0},
                              {"low_freq_factor", 1.0},
                              {"high_freq_factor", 4.0},
                              {"original_max_position_embeddings", 64}};
  json new_form = tiny_config();
  new_form.erase("rope_theta");
  new_form["rope_parameters"] = old_form["rope_scaling"];
  new_form["rope_parameters"]["rope_theta"] = 500000.0;
  for (const json& form : {old_form, new_form}) {
    const RopeConfig rope = must_read(form).rope;
    EXPECT_EQ(rope.scaling, RopeScaling::kLlama3);
    EXPECT_EQ(rope.theta, 500000.0);
    EXPECT_EQ(rope.factor, 32.0);
    EXPECT_EQ(rope.original_context, 64);
  }
  old_form["rope_scaling"] = {{"type", "dynamic"}, {"factor", 2.0}};
  EXPECT_EQ(read_hf_config(old_form.dump(), "c").error().code(), ErrorCode::kUnimplemented);
}

TEST(HfConfig, ReadsBothFormsOfGemma3) {
  json old_form = tiny_config("gemma3_text");
  old_form["num_hidden_layers"] = 7;
  old_form["sliding_window"] = 512;
  old_form["sliding_window_pattern"] = 6;
  old_form["rope_theta"] = 1e6;
  old_form["rope_local_base_freq"] = 10000.0;
  old_form["query_pre_attn_scalar"] = 64;
  old_form["rope_scaling"] = {{"rope_type", "linear"}, {"factor", 8.0}};
  json new_form = old_form;
  for (const char* key :
       {"sliding_window_pattern", "rope_theta", "rope_local_base_freq", "rope_scaling"}) {
    new_form.erase(key);
  }
  new_form["layer_types"] = json::array(
      {"sliding_attention", "sliding_attention", "sliding_attention", "sliding_attention",
       "sliding_attention", "full_attention", "sliding_attention"});
  new_form["rope_parameters"] = {
      {"full_attention", {{"rope_type", "linear"}, {"factor", 8.0}, {"rope_theta", 1e6}}},
      {"sliding_attention", {{"rope_type", "default"}, {"rope_theta", 10000.0}}}};
  for (const json& form : {old_form, new_form}) {
    const ModelConfig c = must_read(form);
    EXPECT_EQ(c.architecture, "gemma3");
    EXPECT_EQ(c.norm_weight_offset, 1.0f);
    EXPECT_EQ(c.embedding_scale, std::sqrt(32.0f));
    EXPECT_EQ(c.attention_scale, 0.125f);
    EXPECT_EQ(c.activation, TRIVET_ACT_GELU_TANH);
    EXPECT_EQ(c.rope.theta, 1e6);
    EXPECT_EQ(c.rope.scaling, RopeScaling::kLinear);
    EXPECT_EQ(c.local_rope->theta, 10000.0);
    EXPECT_EQ(c.local_rope->scaling, RopeScaling::kNone);
    EXPECT_EQ(c.sliding_window, 512);
    EXPECT_THAT(c.layer_has_window, ElementsAre(true, true, true, true, true, false, true));
  }
}

TEST(HfConfig, TakesTheTextPartOfAMultimodalModel) {
  json text = tiny_config("gemma3_text");
  text.erase("num_attention_heads");
  text.erase("num_key_value_heads");
  const ModelConfig c = must_read({{"model_type", "gemma3"}, {"text_config", text}});
  EXPECT_EQ(c.architecture, "gemma3");
  EXPECT_EQ(c.num_heads, 8);
  EXPECT_EQ(c.num_kv_heads, 4);
}

TEST(HfConfig, Qwen2SlidesOnlyWhereItSaysSo) {
  json config = tiny_config("qwen2");
  config["num_hidden_layers"] = 4;
  config["sliding_window"] = 64;
  config["max_window_layers"] = 2;
  EXPECT_EQ(must_read(config).sliding_window, 0);
  config["use_sliding_window"] = true;
  EXPECT_THAT(must_read(config).layer_has_window, ElementsAre(false, false, true, true));
}

TEST(HfConfig, MistralIsALlamaWithAWindowEverywhere) {
  json config = tiny_config("mistral");
  config["sliding_window"] = 64;
  EXPECT_EQ(must_read(config).architecture, "llama");
  EXPECT_THAT(must_read(config).layer_has_window, ElementsAre(true));
  config["sliding_window"] = nullptr;
  EXPECT_TRUE(must_read(config).layer_has_window.empty());
}

TEST(HfConfig, NamesTheKeyThatIsWrong) {
  json config = tiny_config();
  config["hidden_size"] = "wide";
  EXPECT_EQ(read_hf_config(config.dump(), "c.json").error().message(),
            "c.json: \"hidden_size\": is not a whole number from 0 to 2147483647");
  config = tiny_config();
  config["hidden_act"] = "relu";
  EXPECT_THAT(read_hf_config(config.dump(), "c.json").error().message(), HasSubstr("\"relu\""));
  EXPECT_THAT(read_hf_config("[]", "c.json").error().message(), HasSubstr("not a JSON object"));
}

TEST(HfNames, FollowTheNormsOfTheFamily) {
  EXPECT_EQ(canonical_hf_name("model.layers.3.post_attention_layernorm.weight", "llama"),
            "layer.3.ffn_norm");
  EXPECT_EQ(canonical_hf_name("model.layers.3.post_attention_layernorm.weight", "gemma3"),
            "layer.3.attn_post_norm");
  EXPECT_EQ(canonical_hf_name("model.language_model.layers.3.mlp.up_proj.weight", "gemma3"),
            "layer.3.ffn_up");
  EXPECT_EQ(canonical_hf_name("language_model.lm_head.weight", "gemma3"), "output");
  EXPECT_EQ(canonical_hf_name("vision_tower.layers.3.mlp.up_proj.weight", "gemma3"),
            "vision_tower.layers.3.mlp.up_proj.weight");
  EXPECT_EQ(canonical_hf_name("model.layers.03.mlp.up_proj.weight", "llama"),
            "model.layers.03.mlp.up_proj.weight");
}

TEST(HfText, CollectsTemplateAndEnds) {
  HfFolder folder;
  folder.path = "m";
  folder.texts["tokenizer.json"] =
      R"({"version":"1.0","added_tokens":[{"id":2,"content":"<|im_end|>","special":true},)"
      R"({"id":5,"content":"</s>","special":true},{"id":6,"content":"<|end|>","special":false}],)"
      R"("model":{}})";
  folder.texts["tokenizer_config.json"] =
      R"({"bos_token":{"content":"<s>"},"eos_token":"</s>","chat_template":)"
      R"([{"name":"rag","template":"r"},{"name":"default","template":"d"}]})";
  folder.texts["generation_config.json"] = R"({"eos_token_id":[7,2],"temperature":0.6})";
  folder.texts["config.json"] = R"({"eos_token_id":7})";
  auto text = read_hf_text(folder);
  ASSERT_TRUE(text.ok()) << text.error().message();
  EXPECT_EQ(text->bos_token, "<s>");
  EXPECT_EQ(text->eos_token, "</s>");
  EXPECT_EQ(text->chat_template, "d");
  EXPECT_THAT(text->end_tokens, ElementsAre(7, 2, 5));
  folder.texts["chat_template.jinja"] = "j";
  EXPECT_EQ(read_hf_text(folder)->chat_template, "j");
  folder.texts["tokenizer.json"] = "{";
  EXPECT_THAT(read_hf_text(folder).error().message(), HasSubstr("m/tokenizer.json"));
}

class SafetensorsFolder : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = testing::TempDir() + "safetensors_" + std::to_string(::getpid());
    std::filesystem::create_directories(folder_);
    write("config.json", tiny_config().dump());
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  void write(const std::string& name, const std::string& content) {
    std::ofstream(folder_ + "/" + name, std::ios::binary) << content;
  }
  std::string problem(const std::string& path) {
    auto model = ModelSource::open(path);
    return model.ok() ? "opened" : model.error().message();
  }

  std::string folder_;
};

TEST_F(SafetensorsFolder, OpensAsFolderAndAsFile) {
  write("model.safetensors", tiny_tensors().build());
  for (const std::string& path : {folder_, folder_ + "/model.safetensors"}) {
    auto model = ModelSource::open(path);
    ASSERT_TRUE(model.ok()) << model.error().message();
    EXPECT_EQ((*model)->format(), "safetensors");
    EXPECT_EQ((*model)->find("layer.0.attn_q")->dtype, DType::kBF16);
    EXPECT_EQ((*model)->find("layer.0.attn_k")->rows, 16);
    EXPECT_EQ((*model)->find("layer.0.attn_q.bias")->cols, 32);
    EXPECT_FALSE((*model)->config().tied_embeddings);
    EXPECT_THAT((*model)->text().end_tokens, ElementsAre(4));
    (*model)->drop_pages(*(*model)->find("output"));
  }
}

TEST_F(SafetensorsFolder, TiedModelsHaveNoOutput) {
  auto config = tiny_config();
  config["tie_word_embeddings"] = true;
  write("config.json", config.dump());
  write("model.safetensors", tiny_tensors().build());
  auto model = ModelSource::open(folder_);
  ASSERT_TRUE(model.ok()) << model.error().message();
  EXPECT_EQ((*model)->find("output"), nullptr);
  EXPECT_TRUE((*model)->config().tied_embeddings);
}

TEST_F(SafetensorsFolder, OpensShardsThroughTheirIndex) {
  write("a-00001-of-00002.safetensors", tiny_tensors().build());
  write("a-00002-of-00002.safetensors", SafetensorsTestFile().tensor("extra", {2}).build());
  json index = {{"weight_map",
                 {{"model.norm.weight", "a-00001-of-00002.safetensors"},
                  {"extra", "a-00002-of-00002.safetensors"}}}};
  write("model.safetensors.index.json", index.dump());
  auto model = ModelSource::open(folder_);
  ASSERT_TRUE(model.ok()) << model.error().message();
  EXPECT_NE((*model)->find("extra"), nullptr);
  index["weight_map"]["missing"] = "a-00002-of-00002.safetensors";
  write("model.safetensors.index.json", index.dump());
  EXPECT_THAT(problem(folder_), HasSubstr("no file holds the tensor \"missing\""));
  index["weight_map"]["missing"] = "../../etc/passwd";
  write("model.safetensors.index.json", index.dump());
  EXPECT_THAT(problem(folder_), HasSubstr("is not in a file of the folder"));
}

TEST_F(SafetensorsFolder, SaysWhatIsMissing) {
  EXPECT_THAT(problem(folder_), HasSubstr("has 0 .safetensors files"));
  std::filesystem::remove(folder_ + "/config.json");
  EXPECT_THAT(problem(folder_), HasSubstr("has no config.json and 0 .gguf models"));
  write("model.safetensors", tiny_tensors().build());
  EXPECT_THAT(problem(folder_ + "/model.safetensors"), HasSubstr("there is no config.json"));
}

TEST_F(SafetensorsFolder, RefusesShapesThatContradictTheConfiguration) {
  auto config = tiny_config();
  config["num_key_value_heads"] = 2;
  write("config.json", config.dump());
  write("model.safetensors", tiny_tensors().build());
  EXPECT_THAT(problem(folder_), HasSubstr("\"model.layers.0.self_attn.k_proj.weight\""));
}

}  // namespace
}  // namespace trivet
