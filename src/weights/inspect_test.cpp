#include "weights/inspect.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "weights/gguf/gguf_test_file.h"

namespace trivet {
namespace {

using testing::HasSubstr;
using testing::Not;

class InspectTest : public testing::Test {
 protected:
  void SetUp() override {
    path_ = testing::TempDir() + "inspect_" + std::to_string(::getpid()) + ".gguf";
    auto file = testing_gguf::tiny_llama();
    file.string("x.terminal", "\x1b[31mred\xff");
    testing_gguf::write_file(path_, file.build());
    auto opened = ModelSource::open(path_);
    ASSERT_TRUE(opened.ok()) << opened.error().message();
    source_ = *std::move(opened);
  }
  void TearDown() override { std::filesystem::remove(path_); }

  std::string path_;
  std::unique_ptr<ModelSource> source_;
};

TEST_F(InspectTest, JsonHoldsConfigurationTensorsAndTotals) {
  const auto json = nlohmann::json::parse(describe_json(*source_));
  EXPECT_EQ(json.at("format"), "gguf");
  EXPECT_EQ(json.at("config").at("hidden_size"), 32);
  EXPECT_EQ(json.at("config").at("rope_style"), "interleaved");
  EXPECT_EQ(json.at("text").at("tokenizer").at("tokens"), 8);
  EXPECT_EQ(json.at("metadata").at("general.name").at("value"), "tiny");
  EXPECT_EQ(json.at("metadata").at("llama.block_count").at("value"), 1);
  EXPECT_EQ(json.at("tensors").size(), 12u);
  EXPECT_EQ(json.at("tensors")[5].at("name"), "layer.0.attn_k");
  EXPECT_EQ(json.at("totals").at("f32").at("tensors"), 12);
  // 8*32 + 3 norms of 32, q 32*32, k and v 16*32, o 32*32, three of 64*32, the bias 32.
  EXPECT_EQ(json.at("totals").at("f32").at("parameters"),
            256 + 96 + 1024 + 1024 + 1024 + 6144 + 32);
  EXPECT_EQ(json.at("totals").at("f32").at("bytes"),
            json.at("totals").at("f32").at("parameters").get<int>() * 4);
}

TEST_F(InspectTest, TextIsSafeForATerminal) {
  const std::string text = describe_text(*source_);
  EXPECT_THAT(text, HasSubstr("layer.0.attn_q.bias"));
  EXPECT_THAT(text, HasSubstr("hidden_size            32"));
  EXPECT_THAT(text, HasSubstr("red"));
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
}

}  // namespace
}  // namespace trivet
