// What API keys allow, and what stays out of the log, seen from a client.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/fakes/fake_transport.h"

namespace trivet {
namespace {

using std::chrono::seconds;
using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

const std::string kKey = "Authorization: Bearer sk\r\n";

std::string call(const std::string& id, std::string_view body = "",
                 const std::string& fields = kKey) {
  return post("/generate", body, fields + "X-Request-Id: " + id + "\r\n");
}

ServerOptions with_key(const ApiKey& key) {
  ServerOptions options;
  options.api_keys = {key};
  return options;
}

ApiKey key_with(const KeyLimits& limits) {
  ApiKey key{.name = "team", .secret = "sk"};
  key.limits = limits;
  return key;
}

TEST(SessionGuard, RefusesBeforeTheBodyIsParsedAndSaysWhenToComeBack) {
  SessionWorld world(with_key(key_with({.requests_per_minute = 2})));
  for (const char* id : {"a", "b"}) {
    EXPECT_THAT(world.send(call(id)), IsEmpty());
    world.engine.emit(std::string(id) + "-0", "x", true);
    EXPECT_THAT(world.take(),
                AllOf(StartsWith("HTTP/1.1 200 "), HasSubstr("x-ratelimit-limit-requests: 2\r\n")));
  }
  const std::string refused = world.send(call("c", "invalid"));
  EXPECT_THAT(refused, StartsWith("HTTP/1.1 429 Too Many Requests\r\n"));
  EXPECT_THAT(refused, HasSubstr("\r\nRetry-After: 30\r\n"));
  EXPECT_THAT(refused, HasSubstr("\r\nx-ratelimit-remaining-requests: 0\r\n"));
  EXPECT_THAT(refused, HasSubstr("\r\nx-ratelimit-reset-requests: 1m0s\r\n"));
  EXPECT_THAT(refused, HasSubstr("\"type\":\"RateLimitError\""));
  EXPECT_FALSE(world.transport.closed);
  world.clock.advance(seconds(30));
  EXPECT_THAT(world.send(call("d", "invalid")), StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(world.metrics.render(), HasSubstr("reason=\"rate_limit\"} 1"));
}

TEST(SessionGuard, ReservesTokensAndGivesBackWhatWasNotUsed) {
  SessionWorld world(with_key(key_with({.tokens_per_minute = 600})));
  EXPECT_THAT(world.send(call("a", "stream")), IsEmpty());  // 3 of the prompt and 256 at most
  world.engine.emit("a-0", "x");
  EXPECT_THAT(world.take(), HasSubstr("\r\nx-ratelimit-remaining-tokens: 341\r\n"));
  world.engine.emit("a-0", "", true);
  world.take();
  EXPECT_THAT(world.send(call("b", "invalid")),
              HasSubstr("\r\nx-ratelimit-remaining-tokens: 596\r\n"));
  EXPECT_THAT(world.send(call("c", "prompts=3")),  // 777 need an empty account: 4 are in use
              AllOf(StartsWith("HTTP/1.1 429 "), HasSubstr("\r\nRetry-After: 1\r\n"),
                    HasSubstr("needs up to 777")));
  EXPECT_EQ(world.engine.live(), 0u);
}

TEST(SessionGuard, AFullEngineCostsTheKeyNoTokens) {
  SessionWorld world(with_key(key_with({.tokens_per_minute = 600})));
  world.engine.accept_only(0);
  EXPECT_THAT(world.send(call("a")), StartsWith("HTTP/1.1 429 "));
  EXPECT_THAT(world.send(call("b", "invalid")),
              HasSubstr("\r\nx-ratelimit-remaining-tokens: 600\r\n"));
}

TEST(SessionGuard, ARepeatedRequestIdIsCountedOnce) {
  SessionWorld world(with_key(key_with({.tokens_per_minute = 100000})));
  EngineRequest other;
  other.id = "a-0";
  ASSERT_TRUE(world.engine.submit(other).ok());
  EXPECT_THAT(world.send(call("a", "stream")), IsEmpty());
  EXPECT_EQ(world.engine.live(), 2u);
  EXPECT_EQ(world.state.keys().totals().front().second.running, 1);
}

TEST(SessionGuard, ConcurrencyEndsWithTheRequestHoweverItEnds) {
  SessionWorld world(with_key(key_with({.concurrency = 1})));
  world.send(call("a", "stream"));
  SessionWorld* w = &world;
  Session second(w->state, w->lane, w->transport, "127.0.0.1", false);
  second.receive(call("b"));
  EXPECT_THAT(second.take_pending(), StartsWith("HTTP/1.1 429 "));
  world.end_session();  // the client goes away
  second.receive(call("c", "invalid"));
  EXPECT_THAT(second.take_pending(), StartsWith("HTTP/1.1 400 "));
}

TEST(SessionGuard, PriorityOfTheKeyCannotBeRaisedByTheRequest) {
  ApiKey key = key_with({});
  key.priority = 7;
  SessionWorld world(with_key(key));
  world.send(call("a"));
  EXPECT_EQ(world.engine.submitted().front().priority, 7);
}

TEST(SessionGuard, KeysThatMayNotUseTheModelAreTold) {
  ApiKey key = key_with({});
  key.models = {"other"};
  SessionWorld world(with_key(key), false);
  world.state.attach(world.engine, ServedModel{.names = {"tiny", "alias"}});
  EXPECT_THAT(world.send(call("a")),
              AllOf(StartsWith("HTTP/1.1 403 "), HasSubstr("may not use the model tiny")));
  EXPECT_THAT(world.send(get("/echo/x", kKey)), StartsWith("HTTP/1.1 200 "));
}

TEST(SessionGuard, AKeySeesTheModelUnderTheNamesThatItAllows) {
  ApiKey key = key_with({});
  key.models = {"alias", "other"};
  ServerOptions options = with_key(key);
  options.api_keys.push_back({.name = "all", .secret = "any"});
  SessionWorld world(options, false, false, all_routes());
  world.state.attach(world.engine, ServedModel{.names = {"tiny", "alias"}});
  const std::string narrowed = world.send(get("/v1/models", kKey));
  EXPECT_THAT(narrowed, AllOf(HasSubstr("\"alias\""), Not(HasSubstr("\"tiny\""))));
  EXPECT_THAT(world.send(get("/v1/models/tiny", kKey)), StartsWith("HTTP/1.1 404 "));
  EXPECT_THAT(world.send(get("/v1/models/alias", kKey)), StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(world.send(get("/v1/models", "Authorization: Bearer any\r\n")),
              AllOf(HasSubstr("\"alias\""), HasSubstr("\"tiny\"")));
}

TEST(SessionGuard, AdminEndpointsNeedAnAdminKeyOnceThereAreKeys) {
  ServerOptions options;
  options.enable_admin = true;
  SessionWorld open(options, true, false, all_routes());
  EXPECT_THAT(open.send(get("/server_info")), StartsWith("HTTP/1.1 200 "));
  ApiKey admin{.name = "root", .secret = "admin"};
  admin.admin = true;
  options.api_keys = {key_with({}), admin};
  SessionWorld world(options, true, false, all_routes());
  EXPECT_THAT(world.send(get("/server_info")), StartsWith("HTTP/1.1 401 "));
  EXPECT_THAT(world.send(get("/server_info", kKey)),
              AllOf(StartsWith("HTTP/1.1 403 "), HasSubstr("marked as admin")));
  EXPECT_THAT(world.send(get("/server_info", "x-api-key: admin\r\n")), StartsWith("HTTP/1.1 200 "));
}

TEST(SessionGuard, PreflightLetsClientLibrariesSendTheirOwnHeaders) {
  ServerOptions options;
  options.cors_origins = {"*"};
  SessionWorld world(options);
  const auto ask = [&](const std::string& headers) {
    return world.send(
        "OPTIONS /generate HTTP/1.1\r\nHost: h\r\nOrigin: https://a\r\n"
        "Access-Control-Request-Method: POST\r\n"
        "Access-Control-Request-Headers: " +
        headers + "\r\n\r\n");
  };
  EXPECT_THAT(ask("authorization,x-stainless-os, anthropic-version"),
              HasSubstr("Access-Control-Allow-Headers: authorization,x-stainless-os, "
                        "anthropic-version\r\n"));
  EXPECT_THAT(ask("a<b>"), Not(HasSubstr("a<b>")));
}

TEST(SessionGuard, LogHoldsTextOnlyIfTheOperatorAsksForIt) {
  ServerOptions options;
  options.log_prompts = true;
  SessionWorld world(options);
  world.send(post("/generate", "stream \"SECRET\n", "X-Request-Id: r\r\n"));
  world.engine.emit("r-0", "Gr\xC3\xBC\xC3\x9F \xF0\x9F\x98\x80 \x85");
  world.engine.emit("r-0", "", true);
  world.take();
  EXPECT_THAT(world.log_text(), HasSubstr(R"("prompt":"stream \"SECRET\u000a")"));
  EXPECT_THAT(world.log_text(), HasSubstr(R"("answer":"Gr\u00fc\u00df \ud83d\ude00 \ufffd")"));
}

}  // namespace
}  // namespace trivet
