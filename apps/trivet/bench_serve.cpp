// `trivet bench serve`: load on a running server, and what its clients see.
#include <fmt/format.h>

#include "commands.h"
#include "loadgen/load_report.h"
#include "model_access.h"
#include "terminal.h"

namespace trivet {
namespace {

void show_progress(int done, int total) {
  fmt::print(stderr, "\r{}/{} requests ended", done, total);
  if (done == total) fmt::print(stderr, "\n");
}

std::vector<std::string> latency_cells(const char* name, const LatencySummary& s) {
  std::vector<std::string> cells = {name};
  for (const double value : {s.mean, s.p50, s.p90, s.p95, s.p99, s.max}) {
    cells.push_back(fmt::format("{:.1f}", value));
  }
  return cells;
}

void print_summary(const LoadRun& run, const LoadSummary& s, const LoadObjective& objective) {
  fmt::print("{} at {}, {:.1f} s\n\n", run.model, run.settings.url, s.seconds);
  Table rates({"rate", "per second"});
  rates.add({"requests", fmt::format("{:.2f}", s.requests_per_second)});
  if (objective.any()) {
    rates.add({fmt::format("within the objective ({:.1f} %)", 100 * s.within_objective),
               fmt::format("{:.2f}", s.goodput_per_second)});
  }
  rates.add({"output tokens", fmt::format("{:.1f}", s.output_tokens_per_second)});
  rates.add({"all tokens", fmt::format("{:.1f}", s.total_tokens_per_second)});
  Table latencies({"milliseconds", "mean", "p50", "p90", "p95", "p99", "max"});
  latencies.add(latency_cells("first token (TTFT)", s.ttft));
  latencies.add(latency_cells("per output token (TPOT)", s.tpot));
  latencies.add(latency_cells("between events (ITL)", s.itl));
  latencies.add(latency_cells("end to end", s.e2e));
  fmt::print(
      "{}\n{}\n{} of {} requests completed; {} prompt tokens ({} from the cache), {} output "
      "tokens\n",
      rates.text(), latencies.text(), s.completed, s.sent, s.prompt_tokens, s.cached_tokens,
      s.output_tokens);
  for (const auto& [reason, count] : s.failures) fmt::print("{} failed: {}\n", count, reason);
}

}  // namespace

int bench_serve(const BenchServeOptions& options) {
  const bool interactive = is_terminal(2);
  const auto run =
      run_load(options.load, interactive ? LoadProgressFunction(show_progress) : nullptr);
  if (!run) return report_error(run.error());
  const LoadSummary summary = summarize(*run, options.objective);
  if (options.json) {
    fmt::print("{}\n", load_report_json(*run, summary, options.objective));
  } else {
    print_summary(*run, summary, options.objective);
  }
  if (!options.report_file.empty()) {
    const auto written =
        write_text_file(options.report_file, load_report_html(*run, summary, options.objective));
    if (!written) return report_error(written.error());
    print_notice("report: " + options.report_file);
  }
  return summary.completed > 0 ? 0 : 1;
}

}  // namespace trivet
