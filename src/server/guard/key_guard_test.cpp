#include "server/guard/key_guard.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

namespace trivet {
namespace {

using std::chrono::seconds;
using testing::Contains;
using testing::HasSubstr;
using testing::Pair;

struct GuardWorld {
  explicit GuardWorld(const KeyLimits& limits) {
    ApiKey key{.name = "k", .secret = "s"};
    key.limits = limits;
    guard = KeyGuard::create({{key}, ""}, metrics, &clock).value();
    policy = guard->ring()->named("k");
  }
  std::unique_ptr<KeyTicket> enter() {
    KeyGuard::Entry entry = guard->enter(policy);
    if (auto* ticket = std::get_if<std::unique_ptr<KeyTicket>>(&entry)) return std::move(*ticket);
    refusal = std::get<LimitRefusal>(entry);
    return nullptr;
  }

  VirtualClock clock;
  Metrics metrics{{.model_name = "m", .clock = &clock}};
  std::unique_ptr<KeyGuard> guard;
  std::shared_ptr<const KeyPolicy> policy;
  LimitRefusal refusal;
};

TEST(KeyGuard, RequestsPerMinuteComeBackSteadily) {
  GuardWorld world({.requests_per_minute = 3});
  world.clock.advance(seconds(1));
  for (int i = 0; i < 3; ++i) EXPECT_NE(world.enter(), nullptr);
  EXPECT_EQ(world.enter(), nullptr);
  EXPECT_EQ(world.refusal.reason, KeyRefusal::kRequests);
  EXPECT_EQ(world.refusal.retry_after_seconds, 20);
  world.clock.advance(seconds(19));
  EXPECT_EQ(world.enter(), nullptr);
  world.clock.advance(seconds(1));
  EXPECT_NE(world.enter(), nullptr);
  EXPECT_EQ(world.enter(), nullptr);
}

TEST(KeyGuard, ConcurrencyIsFreedWithTheTicket) {
  GuardWorld world({.concurrency = 2});
  auto first = world.enter(), second = world.enter();
  EXPECT_EQ(world.enter(), nullptr);
  EXPECT_EQ(world.refusal.reason, KeyRefusal::kConcurrency);
  first.reset();
  EXPECT_NE(world.enter(), nullptr);
  const auto totals = world.guard->totals();
  ASSERT_EQ(totals.size(), 1u);
  EXPECT_EQ(totals[0].second.running, 1);
  EXPECT_EQ(totals[0].second.refused, 1u);
}

TEST(KeyGuard, TokensAreReservedAndSettledToWhatWasUsed) {
  GuardWorld world({.tokens_per_minute = 600});
  world.clock.advance(seconds(1));
  auto first = world.enter();
  EXPECT_FALSE(first->reserve(500).has_value());
  auto second = world.enter();
  const auto refusal = second->reserve(200);
  ASSERT_TRUE(refusal.has_value());
  EXPECT_EQ(refusal->reason, KeyRefusal::kTokens);
  EXPECT_EQ(refusal->retry_after_seconds, 10);
  EXPECT_THAT(refusal->message, HasSubstr("100 are left"));
  first->settle(50, 20);
  first.reset();
  EXPECT_FALSE(second->reserve(200).has_value());
  EXPECT_THAT(second->fields(), Contains(Pair("x-ratelimit-remaining-tokens", "330")));
  EXPECT_THAT(second->fields(), Contains(Pair("x-ratelimit-reset-tokens", "27s")));
}

TEST(KeyGuard, ARequestLargerThanTheLimitRunsOnceAndIsPaidForAfterwards) {
  GuardWorld world({.tokens_per_minute = 600});
  world.clock.advance(seconds(1));
  auto large = world.enter();
  EXPECT_FALSE(large->reserve(5000).has_value());
  large->settle(900, 300);  // twice the limit
  large.reset();
  auto next = world.enter();
  EXPECT_EQ(next->reserve(1)->retry_after_seconds, 61);
  world.clock.advance(seconds(61));
  EXPECT_FALSE(next->reserve(1).has_value());
}

TEST(KeyGuard, WhatIsNotKnownCountsAsReserved) {
  GuardWorld world({.tokens_per_minute = 600});
  world.clock.advance(seconds(1));
  {
    auto lost = world.enter();
    EXPECT_FALSE(lost->reserve(400).has_value());
  }
  EXPECT_TRUE(world.enter()->reserve(300).has_value());
  {
    auto refused_before = world.enter();
  }
  EXPECT_FALSE(world.enter()->reserve(200).has_value());
}

TEST(KeyGuard, ReloadKeepsWhatWasUsedAndABrokenFileKeepsTheKeys) {
  const std::string path = testing::TempDir() + "guard_keys.jsonl";
  const auto write = [&](const std::string& text) { std::ofstream(path) << text; };
  write("{\"name\": \"k\", \"secret\": \"s\", \"requests_per_minute\": 1}\n");
  VirtualClock clock;
  clock.advance(seconds(1));
  Metrics metrics({.model_name = "m", .clock = &clock});
  const auto guard = KeyGuard::create({{}, path}, metrics, &clock).value();
  {
    const auto entry = guard->enter(guard->ring()->named("k"));
  }
  write("{\"name\": \"k\", \"secret\": ");
  EXPECT_THAT(guard->reload().error().message(), HasSubstr(path));
  EXPECT_NE(guard->ring()->named("k"), nullptr);
  write(
      "{\"name\": \"k\", \"secret\": \"s\", \"requests_per_minute\": 2}\n"
      "{\"name\": \"l\", \"secret\": \"t\"}\n");
  ASSERT_TRUE(guard->reload().ok());
  EXPECT_NE(guard->ring()->named("l"), nullptr);
  {
    const auto entry = guard->enter(guard->ring()->named("k"));
  }
  const auto third = guard->enter(guard->ring()->named("k"));
  EXPECT_TRUE(std::holds_alternative<LimitRefusal>(third));
  write("{\"name\": \"l\", \"secret\": \"t\"}\n");
  ASSERT_TRUE(guard->reload().ok());
  EXPECT_EQ(guard->ring()->named("k"), nullptr);
  EXPECT_TRUE(guard->totals().empty());
}

TEST(FormatReset, WritesDurationsAsOpenAiDoes) {
  EXPECT_EQ(format_reset(0.0), "0ms");
  EXPECT_EQ(format_reset(0.0123), "13ms");
  EXPECT_EQ(format_reset(8.64), "8.64s");
  EXPECT_EQ(format_reset(360.0), "6m0s");
}

}  // namespace
}  // namespace trivet
