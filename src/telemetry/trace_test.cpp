#include "telemetry/trace.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace trivet {
namespace {

const std::string kParent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

TEST(TraceParent, ReadsWhatItWrites) {
  const auto context = parse_traceparent(kParent);
  ASSERT_TRUE(context.has_value());
  EXPECT_TRUE(context->sampled);
  EXPECT_EQ(format_traceparent(*context), kParent);
  EXPECT_FALSE(parse_traceparent(kParent.substr(0, 54) + "0")->sampled);
}

TEST(TraceParent, RefusesWhatTheStandardRefuses) {
  const auto with = [](size_t place, const std::string& text) {
    std::string changed = kParent;
    return changed.replace(place, text.size(), text);
  };
  for (const std::string& wrong :
       {std::string(), kParent.substr(1), kParent + "0", kParent + "-00", with(0, "ff"),
        with(3, std::string(32, '0')), with(36, std::string(16, '0')), with(3, "4B"), with(2, "_"),
        with(53, "0g")}) {
    EXPECT_FALSE(parse_traceparent(wrong).has_value()) << wrong;
  }
  EXPECT_TRUE(parse_traceparent(with(0, "01") + "-more").has_value());  // a later version
}

TEST(TraceContext, ChildrenStayInTheTraceAndHaveTheirOwnId) {
  const TraceContext parent = *parse_traceparent(kParent);
  const TraceContext child = begin_span(parent);
  EXPECT_EQ(child.trace_id, parent.trace_id);
  EXPECT_NE(child.span_id, parent.span_id);
  EXPECT_NE(begin_span(std::nullopt).trace_id, begin_span(std::nullopt).trace_id);
}

TEST(Otlp, WritesIdsTimesAndAttributesAsTheProtocolWants) {
  Span span;
  span.name = "llm_request";
  span.kind = Span::Kind::kServer;
  span.context = *parse_traceparent(kParent);
  span.parent = SpanId{1, 2, 3, 4, 5, 6, 7, 8};
  span.start_unix_ns = 1700000000000000001;
  span.end_unix_ns = 1700000000000000002;
  span.attributes = {{"text", "a\"\xff"},
                     {"whole", int64_t{7}},
                     {"number", 0.5},
                     {"list", std::vector<std::string>{"stop"}}};
  span.error = "status 500";
  const auto root = nlohmann::json::parse(encode_otlp({span}, "service", "1.2"));
  const auto& resource = root["resourceSpans"][0];
  EXPECT_EQ(resource["resource"]["attributes"][0]["value"]["stringValue"], "service");
  const auto& out = resource["scopeSpans"][0]["spans"][0];
  EXPECT_EQ(out["traceId"], "4bf92f3577b34da6a3ce929d0e0e4736");
  EXPECT_EQ(out["spanId"], "00f067aa0ba902b7");
  EXPECT_EQ(out["parentSpanId"], "0102030405060708");
  EXPECT_EQ(out["kind"], 2);
  EXPECT_EQ(out["startTimeUnixNano"], "1700000000000000001");
  EXPECT_EQ(out["attributes"][0]["value"]["stringValue"], "a\"\xEF\xBF\xBD");
  EXPECT_EQ(out["attributes"][1]["value"]["intValue"], "7");
  EXPECT_EQ(out["attributes"][2]["value"]["doubleValue"], 0.5);
  EXPECT_EQ(out["attributes"][3]["value"]["arrayValue"]["values"][0]["stringValue"], "stop");
  EXPECT_EQ(out["status"]["code"], 2);
}

}  // namespace
}  // namespace trivet
