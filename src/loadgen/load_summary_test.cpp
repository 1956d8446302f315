#include "loadgen/load_summary.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "loadgen/event_stream.h"
#include "loadgen/load_report.h"
#include "loadgen/plot.h"

namespace trivet {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

RequestRecord record(uint64_t index, double due, double first, double ended, int tokens) {
  RequestRecord r;
  r.index = index;
  r.due = r.started = due;
  r.first_token = first;
  r.ended = ended;
  r.output_tokens = tokens;
  r.prompt_tokens = 10;
  r.gaps = {0.01f, 0.02f};
  r.http_status = 200;
  return r;
}

LoadRun run_of_three() {
  LoadRun run;
  run.model = "<m>";
  run.seconds = 4;
  run.requests = {record(0, 0, 0.1, 1.1, 11), record(1, 0, 0.3, 2.3, 21), record(2, 1, 1.5, 4, 6)};
  run.requests[2].failure = "HTTP 503";
  return run;
}

TEST(Percentile, IsLinearBetweenNeighbours) {
  EXPECT_EQ(percentile({}, 50), 0);
  EXPECT_EQ(percentile({7}, 99), 7);
  EXPECT_DOUBLE_EQ(percentile({1, 2, 3, 4}, 50), 2.5);
  EXPECT_DOUBLE_EQ(percentile({1, 2, 3, 4}, 90), 3.7);
}

TEST(LoadSummary, CountsWholeAnswersOnlyAndMeasuresAgainstTheObjective) {
  LoadObjective objective;
  objective.ttft_ms = 200;
  const LoadSummary summary = summarize(run_of_three(), objective);
  EXPECT_EQ(summary.sent, 3u);
  EXPECT_EQ(summary.completed, 2u);
  EXPECT_EQ(summary.failures.at("HTTP 503"), 1u);
  EXPECT_EQ(summary.output_tokens, 32u);
  EXPECT_DOUBLE_EQ(summary.output_tokens_per_second, 8);
  EXPECT_DOUBLE_EQ(summary.within_objective, 1.0 / 3);
  EXPECT_DOUBLE_EQ(summary.goodput_per_second, 0.25);
  EXPECT_DOUBLE_EQ(summary.ttft.p50, 200);
  EXPECT_NEAR(summary.tpot.mean, 100, 1e-9);
  EXPECT_EQ(summary.itl.count, 4u);
}

TEST(LoadReport, JsonHoldsSettingsSummaryAndRequests) {
  const LoadRun run = run_of_three();
  const auto report = nlohmann::json::parse(load_report_json(run, summarize(run, {}), {}));
  EXPECT_EQ(report["settings"]["model"], "<m>");
  EXPECT_EQ(report["requests"].size(), 3u);
  EXPECT_EQ(report["requests"][2]["failure"], "HTTP 503");
  EXPECT_NEAR(report["ttft_ms"]["p50"].get<double>(), 200, 1e-9);
}

TEST(LoadReport, PageEscapesWhatServersSayAndFetchesNothing) {
  const LoadRun run = run_of_three();
  const std::string page = load_report_html(run, summarize(run, {}), {});
  EXPECT_THAT(page, HasSubstr("&lt;m&gt;"));
  EXPECT_THAT(page, Not(HasSubstr("<m>")));
  EXPECT_THAT(page, Not(HasSubstr("src=")));
  EXPECT_THAT(page, Not(HasSubstr("href=")));
  EXPECT_THAT(page, Not(HasSubstr("nan")));
  size_t plots = 0;
  for (size_t at = 0; (at = page.find("<svg", at)) != std::string::npos; ++at) ++plots;
  EXPECT_EQ(plots, 4u);
}

TEST(LoadReport, ARunWithoutAnyAnswerStillHasAPage) {
  LoadRun run = run_of_three();
  for (RequestRecord& r : run.requests) r = RequestRecord{.failure = "refused"};
  run.seconds = 0;
  const std::string page = load_report_html(run, summarize(run, {}), {});
  EXPECT_THAT(page, HasSubstr("refused"));
  EXPECT_THAT(page, Not(HasSubstr("inf")));
  EXPECT_THAT(page, Not(HasSubstr("nan")));
}

TEST(Plot, TicksAreRoundNumbersInsideTheRange) {
  EXPECT_THAT(axis_ticks(0, 10, 5), ElementsAre(0, 2, 4, 6, 8, 10));
  EXPECT_TRUE(axis_ticks(1, 1, 5).empty());
  for (const double high : {0.003, 1.0, 77.0, 1e6}) {
    const auto ticks = axis_ticks(0, high, 6);
    EXPECT_GE(ticks.size(), 3u);
    EXPECT_LE(ticks.size(), 7u);
    EXPECT_LE(ticks.back(), high * (1 + 1e-6));
  }
}

TEST(EventStream, GivesTheSameEventsHoweverTheBytesAreCut) {
  const std::string bytes =
      ": ping\n\ndata: one\n\nevent: x\r\ndata:two\r\ndata: lines\r\n\r\nid: 4\n\ndata: \n\n";
  for (size_t piece = 1; piece <= bytes.size(); ++piece) {
    std::vector<std::string> events;
    EventStream stream([&](std::string_view data) { events.emplace_back(data); });
    for (size_t at = 0; at < bytes.size(); at += piece) stream.feed(bytes.substr(at, piece));
    ASSERT_THAT(events, ElementsAre("one", "two\nlines", "")) << "pieces of " << piece;
  }
}

TEST(EventStream, BoundsAnEventWithoutAnEnd) {
  EventStream stream([](std::string_view) {});
  const std::string piece(1 << 20, 'x');
  for (int i = 0; i < 100 && !stream.overflowed(); ++i) stream.feed(piece);
  EXPECT_TRUE(stream.overflowed());
}

TEST(Workload, PromptsShareTheirGroupsBeginningAndNothingElse) {
  const WorkloadOptions options{.prompt_words = 40, .shared_words = 30, .groups = 2, .seed = 5};
  const auto words = [](const std::string& text) {
    return 1 + std::count(text.begin(), text.end(), ' ');
  };
  const std::string a = make_prompt(options, 0), b = make_prompt(options, 1),
                    c = make_prompt(options, 2);
  EXPECT_EQ(words(a), 40);
  const auto common = std::mismatch(a.begin(), a.end(), c.begin(), c.end()).first - a.begin();
  EXPECT_GE(std::count(a.begin(), a.begin() + common, ' '), 30);
  EXPECT_NE(a, c);
  EXPECT_NE(a.substr(0, 40), b.substr(0, 40));
  EXPECT_EQ(a, make_prompt(options, 0));
}

TEST(Arrivals, HaveTheRateAskedForAtAnyBurstiness) {
  for (const double burstiness : {0.5, 1.0, 10.0}) {
    Arrivals arrivals(20, burstiness, 3);
    double seconds = 0;
    for (int i = 0; i < 20000; ++i) seconds += arrivals.next_gap_seconds();
    EXPECT_NEAR(20000 / seconds, 20, 1) << burstiness;
  }
}

}  // namespace
}  // namespace trivet
