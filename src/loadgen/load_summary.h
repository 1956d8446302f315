// What a load run amounts to: rates, latency percentiles, goodput.
#ifndef TRIVET_LOADGEN_LOAD_SUMMARY_H_
#define TRIVET_LOADGEN_LOAD_SUMMARY_H_

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "loadgen/load_client.h"

namespace trivet {

// Milliseconds. All 0 without samples.
struct LatencySummary {
  size_t count = 0;
  double mean = 0, p50 = 0, p90 = 0, p95 = 0, p99 = 0, max = 0;
};

// The p-th percentile (0 to 100) of sorted values, linear between neighbours (NumPy's default).
double percentile(const std::vector<double>& sorted, double p);
LatencySummary summarize(std::vector<double> milliseconds);

// A service level objective; what is absent is not asked for.
struct LoadObjective {
  std::optional<double> ttft_ms, tpot_ms, e2e_ms;
  bool any() const { return ttft_ms || tpot_ms || e2e_ms; }
  bool met_by(const RequestRecord& record) const;
};

struct LoadSummary {
  size_t sent = 0, completed = 0;
  std::map<std::string, size_t> failures;  // by reason
  double seconds = 0;
  double requests_per_second = 0;  // completed
  double output_tokens_per_second = 0, total_tokens_per_second = 0;
  double goodput_per_second = 0;  // completed within the objective
  double within_objective = 0;    // of those sent, 0 to 1
  uint64_t prompt_tokens = 0, cached_tokens = 0, output_tokens = 0;
  // Time to the first token (from when the request was due), per token after it, between two
  // events, and to the end.
  LatencySummary ttft, tpot, itl, e2e;
};

LoadSummary summarize(const LoadRun& run, const LoadObjective& objective);

}  // namespace trivet

#endif  // TRIVET_LOADGEN_LOAD_SUMMARY_H_
