#include "telemetry/live_stats.h"

#include <gtest/gtest.h>

namespace trivet {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

struct StatsWorld {
  VirtualClock clock;
  LiveStats stats{{.first_token_seconds = 1.0, .per_output_token_seconds = 0.1}, clock};

  void end(RequestEnd end, double first_token, double per_token) {
    stats.on_request_end(
        {.end = end, .total = 2.0, .to_first_token = first_token, .per_output_token = per_token});
  }
};

TEST(LogHistogram, QuantilesAreWithinABucketOfTheTruth) {
  LogHistogram histogram;
  for (int i = 1; i <= 1000; ++i) histogram.add(i * 1e-3);
  EXPECT_NEAR(*histogram.quantile(0.5), 0.5, 0.5 * 0.022);
  EXPECT_NEAR(*histogram.quantile(0.99), 0.99, 0.99 * 0.022);
  EXPECT_NEAR(*histogram.mean(), 0.5005, 1e-9);
}

TEST(LogHistogram, TakesAnyNumberWithoutLosingCount) {
  LogHistogram histogram;
  for (const double odd : {0.0, -1.0, 1e-9, 1e9}) histogram.add(odd);
  histogram.add(0.0, 3);
  EXPECT_EQ(histogram.count(), 7u);
  EXPECT_LE(*histogram.quantile(0.5), 1.1e-4);
  EXPECT_FALSE(LogHistogram().quantile(0.5).has_value());
}

TEST(LiveStats, HistoryHasOneRecordPerFinishedSecondAlsoForSilentOnes) {
  StatsWorld world;
  world.stats.on_step({.running = 2, .prompt_tokens = 10, .generated_tokens = 1, .rows = 10});
  world.clock.advance(milliseconds(1500));
  world.stats.on_step({.running = 1, .prompt_tokens = 10, .generated_tokens = 4, .rows = 3});
  world.clock.advance(seconds(3));
  const LiveSnapshot now = world.stats.snapshot(600);
  ASSERT_EQ(now.history.size(), 4u);
  EXPECT_EQ(now.history[0].prompt_tokens, 10u);
  EXPECT_EQ(now.history[0].running, 2);
  EXPECT_EQ(now.history[1].generated_tokens, 3u);
  EXPECT_EQ(now.history[1].step_tokens, 3u);
  EXPECT_EQ(now.history[3].steps, 0u);
  EXPECT_EQ(now.history[3].running, 1);  // nothing has said otherwise
  EXPECT_EQ(now.history[3].unix_second, now.history[0].unix_second + 3);
  EXPECT_EQ(world.stats.snapshot(2).history.size(), 2u);
}

TEST(LiveStats, RatesAreMeansOfTheLastFiveFinishedSeconds) {
  StatsWorld world;
  for (uint64_t i = 1; i <= 8; ++i) {
    world.stats.on_step({.generated_tokens = i * 100, .rows = 100, .seconds = 0.5});
    world.clock.advance(seconds(1));
  }
  const LiveSnapshot now = world.stats.snapshot();
  EXPECT_EQ(now.recent_seconds, 5);
  EXPECT_EQ(now.recent.generated_tokens, 500u);
  EXPECT_DOUBLE_EQ(now.recent.step_seconds, 2.5);
}

TEST(LiveStats, GoodputCountsRequestsWithinBothTargetsAndForgetsAfterAMinute) {
  StatsWorld world;
  world.end(RequestEnd::kStop, 0.5, 0.05);    // good
  world.end(RequestEnd::kLength, 1.5, 0.05);  // late
  world.end(RequestEnd::kStop, 0.5, 0.2);     // slow
  world.end(RequestEnd::kError, 0.5, 0.05);
  world.end(RequestEnd::kAbort, 9.0, 9.0);  // the client left: does not count
  world.stats.on_rejection(Rejection::kQueueFull);
  world.stats.on_rejection(Rejection::kRateLimit);  // its own fault: does not count
  LiveSnapshot now = world.stats.snapshot();
  EXPECT_EQ(now.window_requests, 5u);
  EXPECT_DOUBLE_EQ(*now.goodput_ratio, 0.2);
  EXPECT_DOUBLE_EQ(*now.failure_ratio, 0.4);
  EXPECT_EQ(now.first_token.count, 5u);
  world.clock.advance(seconds(LiveStats::kWindowSeconds));
  now = world.stats.snapshot();
  EXPECT_FALSE(now.goodput_ratio.has_value());
  EXPECT_EQ(now.first_token.count, 0u);
  EXPECT_EQ(now.totals.requests, 5u);
  EXPECT_EQ(now.totals.rejected, 2u);
}

TEST(LiveStats, StaysBoundedAfterALongSilence) {
  StatsWorld world;
  world.stats.on_token_gap(0.02, 5);
  world.clock.advance(std::chrono::hours(1000));
  const LiveSnapshot now = world.stats.snapshot(100000);
  EXPECT_EQ(now.history.size(), static_cast<size_t>(LiveStats::kHistorySeconds));
  EXPECT_EQ(now.token_gap.count, 0u);
  EXPECT_GT(now.history.back().resident_bytes, 0);
}

}  // namespace
}  // namespace trivet
