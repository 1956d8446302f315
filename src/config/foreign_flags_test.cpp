#include "config/foreign_flags.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace trivet {
namespace {

using Values = ForeignFlag::Values;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr ForeignFlag kForeignFlags[] = {
    {"tensor-parallel-size", Values::kOne, "there is one device.", "-tp"},
    {"enforce-eager", Values::kNone, "there are no graphs."},
    {"optimization-level", Values::kOne, "nothing is compiled.", "-O"},
    {"hf-token", Values::kMaybeOne, "nothing is fetched."},
    {"middleware", Values::kMany, "there is none."},
    {"ssl-ca-certs", Values::kOne, "clients are not checked.", "", ForeignFlag::Verdict::kRefused},
};

class RewriteFlags : public testing::Test {
 protected:
  RewriteFlags() {
    table_.add("model", &model_, "Model").positional();
    table_.add("port", &port_, "Port");
    table_.add("max-model-len", &length_, "Length").alias("-c");
    table_.add("cache", &cache_, "Cache");
    table_.add_foreign(kForeignFlags);
  }
  Result<std::vector<std::string>> rewrite(const std::vector<std::string>& arguments) {
    return rewrite_flags(arguments, table_, {"--help", "-h"});
  }
  OptionTable table_;
  std::string model_;
  int port_ = 0, length_ = 0;
  bool cache_ = true;
};

TEST_F(RewriteFlags, OwnFlagsAndTheirValuesStay) {
  EXPECT_THAT(*rewrite({"m", "--port", "-1", "--no-cache", "--help", "--cache=false"}),
              ElementsAre("m", "--port", "-1", "--no-cache", "--help", "--cache=false"));
  EXPECT_THAT(*rewrite({"--max_model_len=1_k", "-c", "5"}),
              ElementsAre("--max-model-len=1_k", "--max-model-len", "5"));
  EXPECT_THAT(*rewrite({"m", "--", "--anything"}), ElementsAre("m", "--", "--anything"));
}

TEST_F(RewriteFlags, ForeignFlagsGoWithTheirValuesAndLeaveOneLine) {
  EXPECT_THAT(*rewrite({"m", "-tp", "2", "--port", "1"}), ElementsAre("m", "--port", "1"));
  EXPECT_THAT(table_.notices(), ElementsAre("-tp has no effect: there is one device."));
  EXPECT_THAT(*rewrite({"--tensor_parallel_size=2", "m"}), ElementsAre("m"));
  EXPECT_THAT(*rewrite({"--enforce-eager", "m"}), ElementsAre("m"));
  EXPECT_THAT(*rewrite({"--no-enforce-eager", "m"}), ElementsAre("m"));
  EXPECT_THAT(*rewrite({"-O3", "m"}), ElementsAre("m"));
  EXPECT_THAT(*rewrite({"-O", "3", "m"}), ElementsAre("m"));
  EXPECT_THAT(*rewrite({"--optimization-level.x", "3", "m"}), ElementsAre("m"));
  EXPECT_THAT(*rewrite({"m", "--hf-token", "--port", "1"}), ElementsAre("m", "--port", "1"));
  EXPECT_THAT(*rewrite({"m", "--middleware", "a", "b", "--port", "1"}),
              ElementsAre("m", "--port", "1"));
  EXPECT_THAT(*rewrite({"m", "--middleware"}), ElementsAre("m"));
}

TEST_F(RewriteFlags, RefusedFlagsSayWhy) {
  const auto done = rewrite({"m", "--ssl-ca-certs", "f"});
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().message(), "--ssl-ca-certs: clients are not checked.");
}

TEST_F(RewriteFlags, UnknownFlagsNameTheNearest) {
  const std::vector<std::pair<std::string, const char*>> cases = {
      {"--prot", "did you mean --port?"},
      {"--tensor-parallel", "did you mean --tensor-parallel-size?"},
      {"--zebra", "--help lists all"},
      {"-x", "-x"},
      {"-port", "--port?"}};
  for (const auto& [flag, expected] : cases) {
    const auto done = rewrite({"m", flag});
    ASSERT_FALSE(done) << flag;
    EXPECT_THAT(done.error().message(), HasSubstr(expected));
  }
}

}  // namespace
}  // namespace trivet
