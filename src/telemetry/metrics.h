// Counters, gauges and histograms under vLLM's names, in Prometheus text format.
#ifndef TRIVET_TELEMETRY_METRICS_H_
#define TRIVET_TELEMETRY_METRICS_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "telemetry/live_stats.h"
#include "telemetry/samples.h"

namespace trivet {

// Thread-safe, except on_step: one thread. Label sets are fixed at the start, so nothing a client
// sends can add a time series; API keys, whose names the operator chooses, add at most 65 sets.
class Metrics {
 public:
  struct Options {
    std::string model_name;     // label model_name
    int max_model_len = 32768;  // largest bucket of the token-count histograms
    SloTargets slo = {};
    const Clock* clock = nullptr;  // of the sliding windows; null = the steady one
  };
  explicit Metrics(const Options& options);
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  // The labels of vllm:cache_config_info, once known. Label names must be valid; call once.
  void set_cache_config(const std::vector<std::pair<std::string, std::string>>& labels);

  // What the process may take, and what for: (purpose, bytes). Call once, before anything else
  // runs.
  struct Memory {
    uint64_t budget_bytes = 0;
    std::vector<std::pair<std::string, uint64_t>> purposes;
  };
  void set_memory(Memory memory);
  const Memory& memory() const { return memory_; }

  // A value of the label `handler` of http_*; others count as "none". Not while on_http may run.
  void add_handler(std::string_view handler);

  void on_step(const StepSample& sample);
  void on_request_end(const RequestSample& sample);
  void on_rejection(Rejection reason);
  // As on_rejection(kRateLimit) or, for a model, nothing; and counts for the key.
  void on_key_refusal(std::string_view key, KeyRefusal reason);
  void on_spans(SpanOutcome outcome, size_t count);
  // Time between two tokens of a stream, `count` times.
  void on_token_gap(double seconds, int count = 1);
  void on_http(std::string_view method, std::string_view handler, int status, double seconds);

  // The same events as rates and percentiles of the last minute.
  LiveStats& live() { return *live_; }

  // All series, text format 0.0.4. Reads /proc for the process_* gauges.
  std::string render();
  static constexpr std::string_view kContentType = "text/plain; version=0.0.4; charset=utf-8";

 private:
  struct Series;
  Memory memory_;
  std::unique_ptr<Clock> own_clock_;
  std::unique_ptr<LiveStats> live_;
  std::unique_ptr<Series> series_;
};

}  // namespace trivet

#endif  // TRIVET_TELEMETRY_METRICS_H_
