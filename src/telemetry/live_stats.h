// What a dashboard shows: rates and percentiles of the last minute, and ten minutes second by
// second.
#ifndef TRIVET_TELEMETRY_LIVE_STATS_H_
#define TRIVET_TELEMETRY_LIVE_STATS_H_

#include <array>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "telemetry/log_histogram.h"
#include "telemetry/samples.h"

namespace trivet {

// What the operator promises: a request is good if it meets both.
struct SloTargets {
  double first_token_seconds = 2.0;
  double per_output_token_seconds = 0.2;
};

// One finished second. Latencies are absent if nothing was measured in it.
struct SecondRecord {
  int64_t unix_second = 0;
  uint64_t generated_tokens = 0, prompt_tokens = 0;
  int finished = 0, failed = 0;
  int running = 0, waiting = 0;  // at most
  double kv_usage = 0.0;         // at most
  uint64_t steps = 0, step_tokens = 0;
  double step_seconds = 0.0;  // of all steps together
  std::optional<double> first_token_median, per_output_token_median, token_gap_mean;
  int64_t resident_bytes = 0;
};

struct LatencyPercentiles {
  uint64_t count = 0;
  std::optional<double> mean, p50, p90, p99;  // seconds
};

struct LiveTotals {
  uint64_t requests = 0;  // that ended in the engine, aborted ones too
  uint64_t errors = 0, aborted = 0, rejected = 0;
  uint64_t steps = 0;
};

struct LiveSnapshot {
  double uptime_seconds = 0.0, unix_seconds = 0.0;
  StepSample step;                       // the newest
  SecondRecord recent;                   // sums over the last `recent_seconds` finished seconds
  int recent_seconds = 0;                // up to 5
  std::optional<double> cache_hit_rate;  // of the window
  LatencyPercentiles first_token, per_output_token, token_gap, queue, total;  // of the window
  std::optional<double> goodput_ratio, failure_ratio;                         // of the window
  uint64_t window_requests = 0, window_failures = 0;
  LiveTotals totals;
  std::vector<SecondRecord> history;  // oldest first
};

// Thread-safe. on_step: one thread. Memory is bounded whatever happens.
class LiveStats {
 public:
  static constexpr int kWindowSeconds = 60;
  static constexpr int kHistorySeconds = 600;

  // `clock` must outlive it.
  LiveStats(const SloTargets& targets, const Clock& clock);

  void on_step(const StepSample& sample);
  void on_request_end(const RequestSample& sample);
  void on_rejection(Rejection reason);
  void on_token_gap(double seconds, int count);

  const SloTargets& targets() const { return targets_; }
  LiveSnapshot snapshot(int history_seconds = 0);

 private:
  enum Latency { kFirstToken, kPerOutputToken, kTokenGap, kQueue, kTotal, kLatencies };
  // Of the window: one second.
  struct Slot {
    std::array<LogHistogram, kLatencies> latencies;
    uint64_t requests = 0, good = 0, failures = 0;
    uint64_t prefix_query_tokens = 0, prefix_hit_tokens = 0;
  };

  // All with the lock held.
  void roll();
  void finish_second(int64_t resident_bytes);
  Slot& slot() { return window_[static_cast<size_t>(second_ % kWindowSeconds)]; }
  LatencyPercentiles summarise(Latency latency) const;
  void add_window(LiveSnapshot& snapshot) const;
  void add_recent(LiveSnapshot& snapshot) const;

  const SloTargets targets_;
  const Clock& clock_;
  const TimePoint started_;
  const double unix_started_;

  mutable std::mutex mutex_;
  int64_t second_ = 0;  // since the start; the one that is being filled
  SecondRecord current_;
  std::vector<Slot> window_;
  std::deque<SecondRecord> history_;
  StepSample newest_;
  LiveTotals totals_;
};

}  // namespace trivet

#endif  // TRIVET_TELEMETRY_LIVE_STATS_H_
