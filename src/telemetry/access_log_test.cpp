#include "telemetry/access_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

namespace trivet {
namespace {

TEST(AccessLog, LineIsJsonWithEveryField) {
  AccessRecord record{.request_id = "r1",
                      .peer = "127.0.0.1",
                      .method = "POST",
                      .path = "/v1/completions",
                      .tenant = "team",
                      .status = 200,
                      .finish = "stop",
                      .streamed = true,
                      .prompt_tokens = 5,
                      .cached_tokens = 4,
                      .completion_tokens = 3,
                      .first_token_seconds = 0.25,
                      .per_token_seconds = 0.0125,
                      .total_seconds = 0.5,
                      .bytes = 77};
  const auto line = nlohmann::json::parse(format_access_line(record, 1700000000123));
  EXPECT_EQ(line["time_ms"], 1700000000123);
  EXPECT_EQ(line["request_id"], "r1");
  EXPECT_EQ(line["tenant"], "team");
  EXPECT_EQ(line["streamed"], true);
  EXPECT_EQ(line["ttft_ms"], 250.0);
  EXPECT_EQ(line["tpot_ms"], 12.5);
  EXPECT_EQ(line["total_ms"], 500.0);
  EXPECT_EQ(line["bytes"], 77);
}

TEST(AccessLog, HostileTextCannotForgeALineOrAField) {
  const std::string evil = "/x\r\n{\"status\":200}\"\\ \x1b[31m\xe2\x80\xa8 {} %v";
  std::ostringstream out;
  AccessLog::to_stream(out)->write({.method = "GET", .path = evil, .status = 404});
  const std::string text = out.str();
  ASSERT_EQ(std::count(text.begin(), text.end(), '\n'), 1);
  for (const char c : text.substr(0, text.size() - 1)) {
    EXPECT_TRUE(c >= 0x20 && c < 0x7f) << static_cast<int>(c);
  }
  const auto line = nlohmann::json::parse(text);
  EXPECT_EQ(line["status"], 404);
  EXPECT_THAT(line["path"].get<std::string>(),
              testing::StartsWith("/x\r\n{\"status\":200}\"\\ \x1b[31m"));
  EXPECT_FALSE(line.contains("ttft_ms"));
}

TEST(AccessLog, NamesTheFileItCannotWrite) {
  const auto log = AccessLog::to_file("/dev/null/access.log");
  ASSERT_FALSE(log.ok());
  EXPECT_EQ(log.error().code(), ErrorCode::kInvalidArgument);
  EXPECT_THAT(log.error().message(), testing::HasSubstr("/dev/null/access.log"));
}

}  // namespace
}  // namespace trivet
