#include "server/engine_telemetry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace trivet {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;

constexpr TimePoint kStart = TimePoint{} + std::chrono::hours(1);

std::string rendered(const RequestOutput& last, const EngineRequest& request) {
  Metrics metrics({.model_name = "m", .max_model_len = 100});
  EngineTelemetry(metrics).on_finish(last, request);
  return metrics.render();
}

std::string sum(const std::string& name, const std::string& value) {
  return name + "_sum{engine=\"0\",model_name=\"m\"} " + value + "\n";
}

TEST(EngineTelemetry, SplitsTheTimeOfARequestIntoItsStages) {
  RequestOutput last;
  last.finished = true;
  last.sequences.resize(1);
  last.sequences[0].finish_reason = FinishReason::kLength;
  last.usage = {.prompt_tokens = 10, .cached_tokens = 0, .completion_tokens = 5};
  last.timing = {.arrived = kStart,
                 .scheduled = kStart + milliseconds(500),
                 .first_token = kStart + milliseconds(1500),
                 .finished = kStart + milliseconds(3500)};
  EngineRequest request;
  request.params.max_tokens = 5;
  const std::string text = rendered(last, request);
  EXPECT_THAT(text, HasSubstr(sum("vllm:request_queue_time_seconds", "0.5")));
  EXPECT_THAT(text, HasSubstr(sum("vllm:time_to_first_token_seconds", "1.5")));
  EXPECT_THAT(text, HasSubstr(sum("vllm:request_prefill_time_seconds", "1")));
  EXPECT_THAT(text, HasSubstr(sum("vllm:request_decode_time_seconds", "2")));
  EXPECT_THAT(text, HasSubstr(sum("vllm:request_inference_time_seconds", "3")));
  EXPECT_THAT(text, HasSubstr(sum("vllm:e2e_request_latency_seconds", "3.5")));
  EXPECT_THAT(text, HasSubstr(sum("vllm:request_time_per_output_token_seconds", "0.5")));
  EXPECT_THAT(text, HasSubstr(sum("vllm:request_params_max_tokens", "5")));
  EXPECT_THAT(text, HasSubstr("finished_reason=\"length\",model_name=\"m\"} 1"));
}

TEST(EngineTelemetry, CountsAQueuedRequestThatWasCancelledAsAborted) {
  RequestOutput last;
  last.finished = true;
  last.error = Error(ErrorCode::kCancelled, "gone");
  last.timing.arrived = kStart;
  last.timing.finished = kStart + milliseconds(250);
  const std::string text = rendered(last, EngineRequest{});
  EXPECT_THAT(text, HasSubstr("finished_reason=\"abort\",model_name=\"m\"} 1"));
  EXPECT_THAT(text,
              HasSubstr("vllm:request_queue_time_seconds_count{engine=\"0\",model_name=\"m\"} 0"));
  EXPECT_THAT(text, HasSubstr(sum("vllm:e2e_request_latency_seconds", "0.25")));
}

TEST(EngineTelemetry, ReportsTheShareOfUsedBlocks) {
  Metrics metrics({.model_name = "m", .max_model_len = 100});
  EngineTelemetry(metrics).on_step({.running = 2, .kv_blocks_total = 8, .kv_blocks_free = 6}, 4,
                                   0.01);
  EXPECT_THAT(metrics.render(),
              HasSubstr("vllm:kv_cache_usage_perc{engine=\"0\",model_name=\"m\"} 0.25"));
}

}  // namespace
}  // namespace trivet
