#include "config/option_table.h"

#include <gtest/gtest.h>

namespace trivet {
namespace {

struct Settings {
  bool caching = true;
  int port = 8000;
  int max_model_len = 0;
  uint64_t seed = 0;
  double share = 0.5;
  std::string precision = "auto";
  std::string certificate;
  std::vector<std::string> keys;
};

class OptionTableTest : public testing::Test {
 protected:
  OptionTableTest() {
    table_.begin_section("Serving");
    table_.add("port", &settings_.port, "Port").range(0, 65535);
    table_.add("enable-caching", &settings_.caching, "Cache");
    table_.add("max-model-len", &settings_.max_model_len, "Context")
        .range(0, 1 << 24)
        .word("auto", "0")
        .counts()
        .alias("--ctx-size")
        .alias("-c");
    table_.add("seed", &settings_.seed, "Seed");
    table_.add("share", &settings_.share, "Share").range(0, 1);
    table_.add("precision", &settings_.precision, "Precision").choices({"auto", "reference"});
    table_.add("certificate", &settings_.certificate, "Certificate").existing_file();
    table_.add("api-key", &settings_.keys, "Keys").secret();
  }
  Result<void> set(const char* name, std::vector<std::string> values) {
    return table_.find(name)->set(values, ValueSource::kFlag, name);
  }
  Settings settings_;
  OptionTable table_;
};

TEST_F(OptionTableTest, ValuesReachTheirVariablesAndRememberWhereTheyCameFrom) {
  EXPECT_TRUE(set("port", {"80"}));
  EXPECT_TRUE(set("enable-caching", {"False"}));
  EXPECT_TRUE(set("seed", {"18446744073709551615"}));
  EXPECT_TRUE(set("share", {"0.25"}));
  EXPECT_TRUE(set("precision", {"reference"}));
  EXPECT_TRUE(set("api-key", {"a", "b"}));
  EXPECT_EQ(settings_.port, 80);
  EXPECT_FALSE(settings_.caching);
  EXPECT_EQ(settings_.seed, ~uint64_t{0});
  EXPECT_EQ(settings_.share, 0.25);
  EXPECT_EQ(settings_.precision, "reference");
  EXPECT_EQ(settings_.keys, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(table_.find("port")->source_text(), "port");
  EXPECT_EQ(table_.find("max-model-len")->source_text(), "default");
  EXPECT_EQ(table_.find("port")->default_text(), "8000");
}

TEST_F(OptionTableTest, WrongValuesAreRefusedWithWhatIsPossibleAndChangeNothing) {
  const std::vector<std::tuple<const char*, std::vector<std::string>, const char*>> cases = {
      {"port", {"65536"}, "0 to 65535"},
      {"port", {"-1"}, "0 to 65535"},
      {"port", {"8000x"}, "\"8000x\""},
      {"port", {""}, "0 to 65535"},
      {"port", {"1", "2"}, "one value"},
      {"port", {"99999999999999999999"}, "0 to 65535"},
      {"enable-caching", {"maybe"}, "true or"},
      {"share", {"1.5"}, "0 to 1"},
      {"share", {"nan"}, "0 to 1"},
      {"precision", {"half"}, "auto or reference"},
      {"max-model-len", {"1.5"}, "auto or 0"},
      {"max-model-len", {"1T"}, "auto or 0"},
      {"seed", {"-1"}, "a number"},
      {"certificate", {"/no/such"}, "no file \"/no/such\""},
      {"api-key", {"[1]"}, "***"}};
  for (const auto& [name, values, expected] : cases) {
    const auto result = set(name, values);
    ASSERT_FALSE(result) << name;
    EXPECT_NE(result.error().message().find(expected), std::string::npos)
        << result.error().message();
    EXPECT_EQ(table_.find(name)->source(), ValueSource::kDefault);
  }
  EXPECT_EQ(settings_.port, 8000);
}

TEST_F(OptionTableTest, CountsTakeSuffixesAndWords) {
  const std::vector<std::pair<const char*, int>> cases = {
      {"1k", 1000}, {"1K", 1024}, {"25.6k", 25600}, {"2m", 2000000}, {"auto", 0}, {"4096", 4096}};
  for (const auto& [text, expected] : cases) {
    ASSERT_TRUE(set("max-model-len", {text})) << text;
    EXPECT_EQ(settings_.max_model_len, expected) << text;
  }
  EXPECT_FALSE(set("port", {"1k"}));
}

TEST_F(OptionTableTest, ListsTakeJsonArrays) {
  ASSERT_TRUE(set("api-key", {R"(["x", "y"])"}));
  EXPECT_EQ(settings_.keys, (std::vector<std::string>{"x", "y"}));
}

TEST_F(OptionTableTest, SecretsAreNeverShown) {
  ASSERT_TRUE(set("api-key", {"hush"}));
  EXPECT_EQ(table_.find("api-key")->value_text(), "***");
  EXPECT_EQ(table_.find("api-key")->value_json(), "\"***\"");
}

TEST_F(OptionTableTest, FindsByNameKeyFlagAndAlias) {
  for (const char* name :
       {"max-model-len", "max_model_len", "--max-model-len", "--ctx-size", "ctx_size", "-c"}) {
    ASSERT_NE(table_.find(name), nullptr) << name;
    EXPECT_EQ(table_.find(name)->name(), "max-model-len");
  }
  for (const char* name : {"-port", "c", "--c", "max", ""}) {
    EXPECT_EQ(table_.find(name), nullptr) << name;
  }
}

TEST_F(OptionTableTest, GuessesFlagsAndKeys) {
  EXPECT_EQ(table_.nearest_flag("--prot"), "--port");
  EXPECT_EQ(table_.nearest_flag("--no-enable-cachng"), "--no-enable-caching");
  EXPECT_EQ(table_.nearest_key("max_modellen"), "max_model_len");
}

}  // namespace
}  // namespace trivet
