#include "loadgen/load_summary.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace trivet {

double percentile(const std::vector<double>& sorted, double p) {
  if (sorted.empty()) return 0;
  const double place = std::clamp(p, 0.0, 100.0) / 100.0 * static_cast<double>(sorted.size() - 1);
  const auto low = static_cast<size_t>(place);
  const size_t high = std::min(low + 1, sorted.size() - 1);
  return std::lerp(sorted[low], sorted[high], place - static_cast<double>(low));
}

LatencySummary summarize(std::vector<double> milliseconds) {
  LatencySummary summary;
  if (milliseconds.empty()) return summary;
  std::ranges::sort(milliseconds);
  summary.count = milliseconds.size();
  summary.mean = std::accumulate(milliseconds.begin(), milliseconds.end(), 0.0) /
                 static_cast<double>(milliseconds.size());
  summary.p50 = percentile(milliseconds, 50);
  summary.p90 = percentile(milliseconds, 90);
  summary.p95 = percentile(milliseconds, 95);
  summary.p99 = percentile(milliseconds, 99);
  summary.max = milliseconds.back();
  return summary;
}

bool LoadObjective::met_by(const RequestRecord& record) const {
  const auto within = [](double seconds, const std::optional<double>& limit_ms) {
    return !limit_ms || seconds * 1000.0 <= *limit_ms;
  };
  return record.ok() && within(record.ttft(), ttft_ms) && within(record.tpot(), tpot_ms) &&
         within(record.ended - record.due, e2e_ms);
}

LoadSummary summarize(const LoadRun& run, const LoadObjective& objective) {
  LoadSummary summary;
  std::vector<double> ttft, tpot, itl, e2e;
  size_t good = 0;
  for (const RequestRecord& record : run.requests) {
    ++summary.sent;
    if (!record.ok()) {
      ++summary.failures[record.failure];
      continue;
    }
    ++summary.completed;
    good += objective.met_by(record);
    summary.prompt_tokens += static_cast<uint64_t>(record.prompt_tokens);
    summary.cached_tokens += static_cast<uint64_t>(record.cached_tokens);
    summary.output_tokens += static_cast<uint64_t>(record.output_tokens);
    ttft.push_back(record.ttft() * 1000.0);
    if (record.output_tokens > 1) tpot.push_back(record.tpot() * 1000.0);
    for (const float gap : record.gaps) itl.push_back(gap * 1000.0);
    e2e.push_back((record.ended - record.due) * 1000.0);
  }
  summary.seconds = run.seconds;
  const double per_second = run.seconds > 0 ? 1.0 / run.seconds : 0;
  summary.requests_per_second = static_cast<double>(summary.completed) * per_second;
  summary.output_tokens_per_second = static_cast<double>(summary.output_tokens) * per_second;
  summary.total_tokens_per_second =
      static_cast<double>(summary.output_tokens + summary.prompt_tokens) * per_second;
  summary.goodput_per_second = static_cast<double>(good) * per_second;
  if (summary.sent > 0) {
    summary.within_objective = static_cast<double>(good) / static_cast<double>(summary.sent);
  }
  summary.ttft = summarize(std::move(ttft));
  summary.tpot = summarize(std::move(tpot));
  summary.itl = summarize(std::move(itl));
  summary.e2e = summarize(std::move(e2e));
  return summary;
}

}  // namespace trivet
