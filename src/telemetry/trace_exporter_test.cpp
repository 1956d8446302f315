#include "telemetry/trace_exporter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>

#include "base/testing/eventually.h"

namespace trivet {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;

std::vector<Span> spans(size_t count) {
  std::vector<Span> result(count);
  for (Span& span : result) span.name = "s";
  return result;
}

TraceExporter::Options fast(TraceExporter::Post post) {
  TraceExporter::Options options;
  options.interval = milliseconds(1);
  options.first_pause = milliseconds(1);
  options.post = std::move(post);
  return options;
}

struct ExporterWorld {
  Metrics metrics{{.model_name = "m"}};
  bool shows(const std::string& outcome, int count) {
    return metrics.render().find("outcome=\"" + outcome + "\"} " + std::to_string(count) + "\n") !=
           std::string::npos;
  }
};

TEST(TraceExporter, TriesAgainUntilTheCollectorTakesTheBatch) {
  ExporterWorld world;
  std::atomic<int> attempts = 0;
  auto exporter = TraceExporter::create(fast([&](const std::string&) -> Result<void> {
                                          if (++attempts < 3)
                                            return Error(ErrorCode::kUnavailable, "down");
                                          return {};
                                        }),
                                        world.metrics)
                      .value();
  exporter->add(spans(5));
  EXPECT_TRUE(eventually([&] { return world.shows("exported", 5); }));
  EXPECT_EQ(attempts, 3);
}

TEST(TraceExporter, ACollectorThatIsGoneCostsSpansAndNothingElse) {
  ExporterWorld world;
  std::atomic<bool> stuck = true;
  auto options = fast([&](const std::string&) -> Result<void> {
    while (stuck) std::this_thread::sleep_for(milliseconds(1));
    return Error(ErrorCode::kUnavailable, "down");
  });
  options.max_queued_spans = 10;
  auto exporter = TraceExporter::create(std::move(options), world.metrics).value();
  exporter->add(spans(1));
  std::this_thread::sleep_for(milliseconds(50));  // the thread is in the post now
  exporter->add(spans(25));
  EXPECT_TRUE(world.shows("dropped", 15) || world.shows("dropped", 16));
  stuck = false;
  EXPECT_TRUE(eventually([&] { return world.shows("failed", 11) || world.shows("failed", 10); }));
}

TEST(TraceExporter, SendsWhatIsLeftWhenItEnds) {
  ExporterWorld world;
  std::string body;
  auto options = fast([&](const std::string& text) -> Result<void> {
    body = text;
    return {};
  });
  options.interval = std::chrono::hours(1);
  auto exporter = TraceExporter::create(std::move(options), world.metrics).value();
  exporter->add(spans(1));
  exporter.reset();
  EXPECT_THAT(body, HasSubstr("\"name\":\"s\""));
}

TEST(TraceExporter, NamesAnEndpointThatIsNone) {
  ExporterWorld world;
  TraceExporter::Options options;
  options.endpoint = "collector:4317";
  EXPECT_THAT(TraceExporter::create(options, world.metrics).error().message(),
              HasSubstr("\"collector:4317\""));
}

}  // namespace
}  // namespace trivet
