#include "telemetry/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace trivet {
namespace {

using testing::HasSubstr;
using testing::Not;

Metrics::Options small_options() { return {.model_name = "tiny", .max_model_len = 100}; }

TEST(Metrics, CountersTakeTheGrowthOfTotals) {
  Metrics metrics(small_options());
  metrics.on_step({.running = 3, .waiting = 2, .kv_usage = 0.25, .prompt_tokens = 100, .rows = 9});
  metrics.on_step({.running = 1, .prompt_tokens = 130, .generated_tokens = 7, .rows = 1});
  const std::string text = metrics.render();
  EXPECT_THAT(text, HasSubstr("vllm:prompt_tokens_total{engine=\"0\",model_name=\"tiny\"} 130"));
  EXPECT_THAT(text, HasSubstr("vllm:generation_tokens_total{engine=\"0\",model_name=\"tiny\"} 7"));
  EXPECT_THAT(text, HasSubstr("vllm:num_requests_running{engine=\"0\",model_name=\"tiny\"} 1"));
  EXPECT_THAT(text, HasSubstr("vllm:num_requests_waiting{engine=\"0\",model_name=\"tiny\"} 0"));
  EXPECT_THAT(text,
              HasSubstr("vllm:iteration_tokens_total_count{engine=\"0\",model_name=\"tiny\"} 2"));
  EXPECT_THAT(text,
              HasSubstr("vllm:iteration_tokens_total_sum{engine=\"0\",model_name=\"tiny\"} 10"));
}

TEST(Metrics, RequestThatNeverRanCountsOnlyWhatHappened) {
  Metrics metrics(small_options());
  metrics.on_request_end({.end = RequestEnd::kAbort, .total = 0.4, .prompt_tokens = 60});
  const std::string text = metrics.render();
  EXPECT_THAT(text, HasSubstr("vllm:request_success_total{engine=\"0\",finished_reason=\"abort\","
                              "model_name=\"tiny\"} 1"));
  EXPECT_THAT(text, HasSubstr("vllm:e2e_request_latency_seconds_bucket{engine=\"0\","
                              "model_name=\"tiny\",le=\"0.5\"} 1"));
  EXPECT_THAT(text, HasSubstr("vllm:time_to_first_token_seconds_count{engine=\"0\","
                              "model_name=\"tiny\"} 0"));
  EXPECT_THAT(text, HasSubstr("vllm:request_params_max_tokens_count{engine=\"0\","
                              "model_name=\"tiny\"} 0"));
}

TEST(Metrics, TokenCountBucketsEndAtTheModelLength) {
  Metrics metrics(small_options());
  const std::string text = metrics.render();
  EXPECT_THAT(text, HasSubstr("vllm:request_prompt_tokens_bucket{engine=\"0\",model_name=\"tiny\","
                              "le=\"100\"}"));
  EXPECT_THAT(text, Not(HasSubstr("le=\"200\"")));
}

TEST(Metrics, RepeatedTokenGapEqualsSingleOnes) {
  Metrics metrics(small_options());
  metrics.on_token_gap(0.03, 4);
  metrics.on_token_gap(0.03);
  metrics.on_token_gap(1000.0, 2);
  metrics.on_token_gap(0.03, 0);
  const std::string text = metrics.render();
  const std::string name = "vllm:inter_token_latency_seconds";
  const std::string labels = "{engine=\"0\",model_name=\"tiny\"";
  EXPECT_THAT(text, HasSubstr(name + "_bucket" + labels + ",le=\"0.025\"} 0"));
  EXPECT_THAT(text, HasSubstr(name + "_bucket" + labels + ",le=\"0.05\"} 5"));
  EXPECT_THAT(text, HasSubstr(name + "_bucket" + labels + ",le=\"80\"} 5"));
  EXPECT_THAT(text, HasSubstr(name + "_count" + labels + "} 7"));
}

TEST(Metrics, UnknownMethodsAndHandlersAddNoSeries) {
  Metrics metrics(small_options());
  metrics.add_handler("/health");
  const auto lines = [](const std::string& text) {
    return std::count(text.begin(), text.end(), '\n');
  };
  metrics.on_http("BREW", "/../../etc/passwd", 404, 0.01);
  metrics.on_http("GET", "/health", 200, 0.01);
  metrics.on_http("GET", "/health", 500, 0.01);
  const auto before = lines(metrics.render());
  metrics.on_http("BREW2", "/../../etc/shadow", 499, 0.01);
  metrics.on_http("other", "none", 400, 0.01);
  metrics.on_http("GET", "/health", 777, 0.01);
  const std::string text = metrics.render();
  EXPECT_EQ(lines(text), before);
  EXPECT_THAT(text,
              HasSubstr("http_requests_total{handler=\"none\",method=\"other\",status=\"4xx\"} 3"));
  EXPECT_THAT(
      text, HasSubstr("http_requests_total{handler=\"/health\",method=\"GET\",status=\"2xx\"} 1"));
}

TEST(Metrics, ShowCacheSettingsRejectionsAndTheProcess) {
  Metrics metrics(small_options());
  metrics.set_cache_config({{"block_size", "16"}, {"enable_prefix_caching", "True"}});
  metrics.on_rejection(Rejection::kQueueFull);
  const std::string text = metrics.render();
  EXPECT_THAT(text,
              HasSubstr("vllm:cache_config_info{block_size=\"16\",enable_prefix_caching=\"True\","
                        "engine=\"0\",model_name=\"tiny\"} 1"));
  EXPECT_THAT(text, HasSubstr("vllm:admission_rejections_total{engine=\"0\",model_name=\"tiny\","
                              "reason=\"queue_full\"} 1"));
  EXPECT_THAT(text, Not(HasSubstr("process_resident_memory_bytes 0\n")));
  EXPECT_THAT(text, Not(HasSubstr("process_open_fds 0\n")));
  EXPECT_THAT(text, Not(HasSubstr("process_start_time_seconds 0\n")));
}

TEST(Metrics, ShowMemoryByPurposeAndTheObjectives) {
  VirtualClock clock;
  Metrics metrics({.model_name = "tiny",
                   .max_model_len = 100,
                   .slo = {.first_token_seconds = 0.5, .per_output_token_seconds = 0.05},
                   .clock = &clock});
  metrics.set_memory({1000, {{"weights", 600}, {"cache", 400}}});
  metrics.on_request_end({.end = RequestEnd::kStop, .to_first_token = 0.25});
  metrics.on_request_end({.end = RequestEnd::kError, .to_first_token = 0.25});
  const std::string text = metrics.render();
  const std::string labels = "engine=\"0\",model_name=\"tiny\"";
  EXPECT_THAT(text, HasSubstr("trivet:memory_bytes{" + labels + ",purpose=\"cache\"} 400"));
  EXPECT_THAT(text, HasSubstr("trivet:slo_goodput_ratio{" + labels + "} 0.5"));
  EXPECT_THAT(text, HasSubstr("trivet:slo_failure_ratio{" + labels + "} 0.5"));
  EXPECT_THAT(text, HasSubstr("trivet:slo_target_seconds{" + labels + ",slo=\"tpot\"} 0.05"));
}

TEST(Metrics, ManyKeysShareOneSeries) {
  Metrics metrics(small_options());
  for (int i = 0; i < 100; ++i) {
    const std::string key = "key-" + std::to_string(i);
    metrics.on_request_end({.prompt_tokens = 2, .key = key});
  }
  metrics.on_key_refusal("key-0", KeyRefusal::kTokens);
  const std::string text = metrics.render();
  EXPECT_THAT(text, HasSubstr("trivet:key_requests_total{engine=\"0\",key=\"key-63\""));
  EXPECT_THAT(text, Not(HasSubstr("key=\"key-64\"")));
  EXPECT_THAT(text, HasSubstr("trivet:key_prompt_tokens_total{engine=\"0\",key=\"other\","
                              "model_name=\"tiny\"} 72"));
  EXPECT_THAT(text, HasSubstr("trivet:key_refusals_total{engine=\"0\",key=\"key-0\","
                              "model_name=\"tiny\",reason=\"tokens\"} 1"));
}

}  // namespace
}  // namespace trivet
