#include "api/batches/batch_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/batches/batch_json.h"
#include "api/fake_text.h"

namespace trivet {
namespace {

using testing::HasSubstr;

TEST(BatchLine, ReadsARequestAndLeavesStreamingOut) {
  const auto line = read_batch_line(
      R"({"custom_id":"a","method":"POST","url":"/v1/completions","body":{"prompt":"x","stream":true,"n":2}})");
  ASSERT_TRUE(line) << line.error().message();
  EXPECT_EQ(line->custom_id, "a");
  EXPECT_EQ(line->body, R"({"prompt":"x","n":2})");
}

TEST(BatchLine, SaysWhatIsWrong) {
  const auto fault = [](const std::string& text) {
    const auto line = read_batch_line(text);
    return line ? std::string("none") : line.error().message();
  };
  EXPECT_THAT(fault("nothing"), HasSubstr("JSON"));
  EXPECT_THAT(fault(R"({"url":"/v1/completions","body":{}})"), HasSubstr("custom_id"));
  EXPECT_THAT(fault(R"({"custom_id":"a","url":"/v1/files","body":{}})"),
              HasSubstr("/v1/completions"));
  EXPECT_THAT(fault(R"({"custom_id":"a","url":"/v1/completions"})"), HasSubstr("`body`"));
  EXPECT_THAT(fault(R"({"custom_id":"a","method":"GET","url":"/v1/completions","body":{}})"),
              HasSubstr("POST"));
}

TEST(BatchLine, MakesACallOfEveryEndpoint) {
  FakeModel model;
  const CallContext context{.request_id = "r", .tenant = "t", .unix_seconds = 5};
  for (const auto& [url, body] : std::vector<std::pair<std::string, std::string>>{
           {"/v1/completions", R"({"prompt":"Hi"})"},
           {"/v1/chat/completions", R"({"messages":[{"role":"user","content":"Hi"}]})"},
           {"/v1/responses", R"({"input":"Hi"})"}}) {
    ParsedCall parsed = parse_batch_call({"a", url, body}, model.served, context);
    ASSERT_FALSE(parsed.error) << url << parsed.error->message;
    EXPECT_FALSE(parsed.call->streamed());
    EXPECT_EQ(parsed.call->take_requests().size(), 1u);
  }
  EXPECT_TRUE(parse_batch_call({"a", "/v1/completions", "{}"}, model.served, context).error);
}

TEST(BatchRequest, NamesTheFieldThatIsWrong) {
  const auto param = [](const std::string& body) {
    FirstError error;
    EXPECT_FALSE(read_batch_request(body, error)) << body;
    return error ? error.take().param.value_or("") : "none";
  };
  EXPECT_EQ(param(R"({"endpoint":"/v1/completions"})"), "input_file_id");
  EXPECT_EQ(param(R"({"input_file_id":"f","endpoint":"/v1/x"})"), "endpoint");
  EXPECT_EQ(param(R"({"input_file_id":"f","endpoint":"/v1/completions","completion_window":"1y"})"),
            "completion_window");
  FirstError error;
  const auto request = read_batch_request(
      R"({"input_file_id":"f","endpoint":"/v1/completions","completion_window":"2d"})", error);
  EXPECT_EQ(request->window_seconds, 2 * 86400);
}

}  // namespace
}  // namespace trivet
