#include "config/config_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace trivet {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr ForeignFlag kForeign[] = {
    {"tensor-parallel-size", ForeignFlag::Values::kOne, "there is one device."}};

class ConfigFile : public testing::Test {
 protected:
  ConfigFile() {
    table_.add("port", &port_, "Port").range(0, 65535);
    table_.add("served-model-name", &names_, "Names");
    table_.add("overrides", &overrides_, "Overrides");
    table_.add("cache", &cache_, "Cache");
    table_.add_foreign(kForeign);
  }
  Result<void> apply(const std::string& text) {
    auto entries = parse_config(text, "f.yaml");
    if (!entries) return entries.error();
    return apply_config(table_, *entries, "f.yaml");
  }
  OptionTable table_;
  int port_ = 1;
  bool cache_ = true;
  std::vector<std::string> names_;
  std::string overrides_;
};

TEST_F(ConfigFile, YamlReachesTheOptionsWithTheirLines) {
  ASSERT_TRUE(
      apply("# comment\nport: 80\nserved-model-name: [a, 'b c']\ncache: false\n"
            "overrides: {temperature: 0.5, top_k: 3, word: \"7\"}\n"));
  EXPECT_EQ(port_, 80);
  EXPECT_FALSE(cache_);
  EXPECT_THAT(names_, ElementsAre("a", "b c"));
  EXPECT_EQ(overrides_, R"({"temperature":0.5,"top_k":3,"word":"7"})");
  EXPECT_EQ(table_.find("port")->source_text(), "f.yaml:2");
}

TEST_F(ConfigFile, JsonIsReadTheSame) {
  ASSERT_TRUE(apply("{\n  \"port\": 81,\n  \"served_model_name\": [\"x\"]\n}\n"));
  EXPECT_EQ(port_, 81);
  EXPECT_THAT(names_, ElementsAre("x"));
}

TEST_F(ConfigFile, EmptyFilesAndEmptyValuesLeaveTheDefaults) {
  ASSERT_TRUE(apply(""));
  ASSERT_TRUE(apply("port:\n"));
  EXPECT_EQ(port_, 1);
}

TEST_F(ConfigFile, KeysOfOtherServersAreNotedAndLeft) {
  ASSERT_TRUE(apply("tensor-parallel-size: 2\n"));
  EXPECT_THAT(table_.notices(),
              ElementsAre("f.yaml:1: tensor-parallel-size has no effect: there is one device."));
}

TEST_F(ConfigFile, MistakesNameTheLineAndTheRemedy) {
  const std::vector<std::pair<std::string, const char*>> cases = {
      {"\nprot: 1\n", "f.yaml:2: there is no option prot, did you mean port?"},
      {"zebra: 1\n", "trivet config explain"},
      {"port: 99999\n", "f.yaml:1: port: \"99999\" is not possible; give 0 to 65535"},
      {"port: [1, 2]\n", "takes one value"},
      {"port: 1\nport: 2\n", "f.yaml:2: port: the key is there twice"},
      {"- a\n", "key: value"},
      {"port: [1\n", "f.yaml:2"},
      {"{a: b}: c\n", "a key must be a word"},
      {"just words\n", "key: value"}};
  for (const auto& [text, expected] : cases) {
    const auto done = apply(text);
    ASSERT_FALSE(done) << text;
    EXPECT_THAT(done.error().message(), HasSubstr(expected));
  }
}

TEST_F(ConfigFile, HostileFilesAreRefusedQuickly) {
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 12; ++i) {
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int k = 0; k < 9; ++k) bomb += (k ? ", *a" : "*a") + std::to_string(i - 1);
    bomb += "]\n";
  }
  EXPECT_FALSE(apply(bomb));
  EXPECT_FALSE(apply("overrides: " + std::string(200, '{') + "\n"));
  EXPECT_FALSE(apply("overrides: " + std::string(5000, '[') + "\n"));
  EXPECT_FALSE(parse_config(std::string((1 << 20) + 1, ' '), "f.yaml"));
  EXPECT_FALSE(apply("port: \xff\xfe\n"));
}

TEST(ReadConfigFile, NamesAFileThatIsNotThere) {
  const auto read = read_config_file("/no/such/file.yaml");
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code(), ErrorCode::kNotFound);
  EXPECT_THAT(read.error().message(), HasSubstr("/no/such/file.yaml"));
  EXPECT_FALSE(read_config_file("/"));
}

}  // namespace
}  // namespace trivet
