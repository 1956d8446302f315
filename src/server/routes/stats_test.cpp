#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <simdjson.h>

#include "server/fakes/fake_transport.h"

namespace trivet {
namespace {

const Route& stats_route() {
  for (const Route& route : all_routes()) {
    if (route.path == "/v1/trivet/stats") return route;
  }
  ADD_FAILURE() << "no such route";
  return all_routes().front();
}

std::string ask(SessionWorld& world, std::string_view query = "") {
  const CallContext context;
  const Answer answer = stats_route().answer({.server = world.state,
                                              .model = world.state.model(),
                                              .body = "",
                                              .path_parameter = "",
                                              .query = query,
                                              .context = context});
  return std::get<HttpResponse>(answer).body;
}

TEST(StatsRoute, IsWholeJsonAlsoBeforeAnythingHappened) {
  SessionWorld world({}, false);
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  const std::string body = ask(world);
  ASSERT_EQ(parser.parse(body).get(root), simdjson::SUCCESS) << body;
  EXPECT_EQ(root["state"].get_string().value(), "loading");
  EXPECT_EQ(root["model"].get_string().value(), "");
  EXPECT_TRUE(root["latency"]["ttft_ms"]["p50"].is_null());
  EXPECT_TRUE(root["slo"]["goodput_ratio"].is_null());
  EXPECT_TRUE(root["now"]["step_ms"].is_null());
}

TEST(StatsRoute, ShowsMemoryLatenciesAndAsMuchHistoryAsAsked) {
  SessionWorld world({}, false);
  world.state.attach(world.engine, ServedModel{.names = {"tiny"}});
  world.engine.set_stats({.running = 2, .kv_blocks_total = 8, .kv_blocks_free = 2});
  world.metrics.set_memory({1000, {{"weights", 600}}});
  world.metrics.on_request_end({.to_first_token = 0.25, .generated_tokens = 3});
  world.clock.advance(std::chrono::seconds(30));
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  const std::string body = ask(world, "x=1&history=7");
  ASSERT_EQ(parser.parse(body).get(root), simdjson::SUCCESS) << body;
  EXPECT_EQ(root["model"].get_string().value(), "tiny");
  EXPECT_EQ(root["now"]["running"].get_int64().value(), 2);
  EXPECT_DOUBLE_EQ(root["now"]["kv_usage"].get_double().value(), 0.75);
  EXPECT_EQ(root["latency"]["ttft_ms"]["count"].get_int64().value(), 1);
  EXPECT_NEAR(root["latency"]["ttft_ms"]["p50"].get_double().value(), 250.0, 10.0);
  EXPECT_EQ(root["memory"]["items"].at(0)["bytes"].get_int64().value(), 600);
  EXPECT_EQ(root["history"].get_array().value().size(), 7u);
  EXPECT_EQ(ask(world, "history=0").find("\"at\""), std::string::npos);
}

}  // namespace
}  // namespace trivet
