#include "bench_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/markup.h"
#include "loadgen/plot.h"
#include "loadgen/report_page.h"
#include "version.h"

namespace trivet {
namespace {

nlohmann::ordered_json weights_json(const BenchReport& report) {
  const StepWork& work = report.work;
  return {{"body_parameters", work.body.parameters},
          {"body_bytes", work.body.bytes},
          {"head_parameters", work.head.parameters},
          {"head_bytes", work.head.bytes},
          {"cache_bytes_per_sequence",
           report.cache_bytes_per_element * work.cache_elements(report.context)}};
}

// A limit for every number of sequences, not only for those that were measured.
PlotSeries limit_series(const BenchReport& report, int most) {
  PlotSeries limit{"limit", {}, true};
  if (report.rates.read_bytes_per_second <= 0) return limit;
  for (int n = 1; n <= most; ++n) {
    limit.points.emplace_back(n, decode_limit(report.work, report.rates, n, report.context,
                                              report.cache_bytes_per_element));
  }
  return limit;
}

Plot batch_plot(const BenchReport& report) {
  PlotSeries measured{"measured", {}, true, true};
  int most = 1;
  for (const BenchResult& r : report.results) {
    if (r.kind != BenchResult::Kind::kBatch) continue;
    measured.points.emplace_back(r.size, r.tokens_per_second);
    most = std::max(most, r.size);
  }
  std::sort(measured.points.begin(), measured.points.end());
  Plot plot;
  plot.title = fmt::format("{}: tokens per second at a context of {}", report.name, report.depth);
  plot.x_label = "sequences at once";
  plot.y_label = "tokens per second";
  plot.series = {std::move(measured), limit_series(report, most)};
  return plot;
}

}  // namespace

std::string BenchResult::test(const BenchReport& report) const {
  return kind == Kind::kPrompt ? fmt::format("prompt {}", size)
                               : fmt::format("batch {} at {}", size, report.depth);
}

std::string bench_report_json(const BenchReport& report) {
  nlohmann::ordered_json out;
  out["version"] = kVersion;
  out["model"] = report.path;
  out["device"] = report.device;
  out["weights"] = weights_json(report);
  if (report.rates.read_bytes_per_second > 0) {
    out["limits"] = {{"int8_ops_per_second", report.rates.operations_per_second},
                     {"read_bytes_per_second", report.rates.read_bytes_per_second}};
  }
  out["results"] = nlohmann::ordered_json::array();
  for (const BenchResult& r : report.results) {
    out["results"].push_back({{"test", r.test(report)},
                              {"tokens_per_second", r.tokens_per_second},
                              {"lowest", r.lowest},
                              {"highest", r.highest}});
    if (r.limit > 0) out["results"].back()["limit"] = r.limit;
  }
  return out.dump(2);
}

std::string bench_plot_svg(const BenchReport& report) { return plot_file(batch_plot(report)); }

std::string bench_report_html(const BenchReport& report) {
  std::string body = "<div class=\"tiles\">";
  for (const BenchResult& r : report.results) {
    body += report_tile(fmt::format("{:.0f}", r.tokens_per_second),
                        "tokens per second, " + r.test(report));
  }
  body +=
      "</div><table><tr><th>test</th><th>tokens/s</th><th>lowest</th><th>highest</th><th>limit</th>"
      "<th>of limit</th></tr>";
  for (const BenchResult& r : report.results) {
    body += fmt::format(
        "<tr><td>{}</td><td>{:.1f}</td><td>{:.1f}</td><td>{:.1f}</td><td>{:.1f}</td><td>{:.0f} "
        "%</td></tr>",
        r.test(report), r.tokens_per_second, r.lowest, r.highest, r.limit,
        r.limit > 0 ? 100 * r.tokens_per_second / r.limit : 0.0);
  }
  body += "</table><div class=\"plots\">" + plot_svg(batch_plot(report)) + "</div>";
  const std::string about = fmt::format(
      "{}; {:.0f} GOPS of int8 and {:.1f} GB/s of memory read, measured beside it. The limit reads "
      "all weights and the cache once a step, or multiplies at the full rate, whichever is slower.",
      report.device, report.rates.operations_per_second * 1e-9,
      report.rates.read_bytes_per_second * 1e-9);
  return report_page("Speed of " + report.name, about, body);
}

}  // namespace trivet
