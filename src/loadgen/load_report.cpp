#include "loadgen/load_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/markup.h"
#include "loadgen/plot.h"
#include "loadgen/report_page.h"

namespace trivet {
namespace {

using nlohmann::json;

json latency_json(const LatencySummary& s) {
  return {{"count", s.count}, {"mean", s.mean}, {"p50", s.p50}, {"p90", s.p90},
          {"p95", s.p95},     {"p99", s.p99},   {"max", s.max}};
}

json settings_json(const LoadRun& run) {
  const LoadSettings& s = run.settings;
  return {{"url", s.url},
          {"model", run.model},
          {"endpoint", s.chat ? "/v1/chat/completions" : "/v1/completions"},
          {"requests", s.num_requests},
          {"concurrency", s.concurrency},
          {"rate", s.rate},
          {"burstiness", s.burstiness},
          {"prompt_words", s.workload.prompt_words},
          {"shared_words", s.workload.shared_words},
          {"groups", s.workload.groups},
          {"output_tokens", s.output_tokens},
          {"temperature", s.temperature},
          {"seed", s.workload.seed}};
}

json objective_json(const LoadObjective& objective) {
  json out = json::object();
  if (objective.ttft_ms) out["ttft_ms"] = *objective.ttft_ms;
  if (objective.tpot_ms) out["tpot_ms"] = *objective.tpot_ms;
  if (objective.e2e_ms) out["e2e_ms"] = *objective.e2e_ms;
  return out;
}

json record_json(const RequestRecord& r) {
  json out = {{"index", r.index},
              {"due", r.due},
              {"started", r.started},
              {"ended", r.ended},
              {"status", r.http_status},
              {"prompt_tokens", r.prompt_tokens},
              {"cached_tokens", r.cached_tokens},
              {"output_tokens", r.output_tokens}};
  if (r.first_token >= 0) out["first_token"] = r.first_token;
  if (!r.ok()) out["failure"] = r.failure;
  return out;
}

// ---------------------------------------------------------------- plots

// Output tokens of each second, spread evenly over the time in which they came.
Plot throughput_plot(const LoadRun& run) {
  const auto seconds = static_cast<size_t>(std::ceil(run.seconds)) + 1;
  std::vector<double> tokens(seconds, 0.0);
  for (const RequestRecord& r : run.requests) {
    if (r.first_token < 0) continue;
    const double length = std::max(r.ended - r.first_token, 1e-3);
    for (size_t s = static_cast<size_t>(r.first_token); s < seconds && s <= r.ended; ++s) {
      const double begin = std::max(r.first_token, static_cast<double>(s));
      const double end = std::min(r.first_token + length, static_cast<double>(s + 1));
      tokens[s] += r.output_tokens * std::max(0.0, end - begin) / length;
    }
  }
  Plot plot{"Throughput", "seconds", "output tokens per second", {{"tokens/s", {}, true}}, {}, {}};
  for (size_t s = 0; s < seconds; ++s) {
    plot.series[0].points.emplace_back(static_cast<double>(s) + 0.5, tokens[s]);
  }
  return plot;
}

Plot concurrency_plot(const LoadRun& run) {
  std::vector<std::pair<double, int>> changes;
  for (const RequestRecord& r : run.requests) {
    changes.emplace_back(r.started, 1);
    changes.emplace_back(r.ended, -1);
  }
  std::ranges::sort(changes);
  Plot plot{"Requests in flight", "seconds", "requests", {{"in flight", {}, true}}, {}, {}};
  int level = 0;
  for (const auto& [time, change] : changes) {
    plot.series[0].points.emplace_back(time, level);
    level += change;
    plot.series[0].points.emplace_back(time, level);
  }
  return plot;
}

Plot first_token_plot(const LoadRun& run, const LoadObjective& objective) {
  Plot plot{
      "Time to the first token", "seconds when due", "milliseconds", {{"TTFT", {}, false}}, {},
      objective.ttft_ms};
  for (const RequestRecord& r : run.requests) {
    if (r.ok()) plot.series[0].points.emplace_back(r.due, r.ttft() * 1000.0);
  }
  return plot;
}

// Share of samples at or below x, at most 400 points.
PlotSeries distribution(std::string name, std::vector<double> values) {
  PlotSeries series{std::move(name), {}, true};
  std::ranges::sort(values);
  const size_t step = std::max<size_t>(1, values.size() / 400);
  for (size_t i = 0; i < values.size(); i += step) {
    series.points.emplace_back(
        values[i], 100.0 * static_cast<double>(i + 1) / static_cast<double>(values.size()));
  }
  return series;
}

Plot distribution_plot(const LoadRun& run) {
  std::vector<double> ttft, tpot, itl, e2e;
  for (const RequestRecord& r : run.requests) {
    if (!r.ok()) continue;
    ttft.push_back(r.ttft() * 1000.0);
    if (r.output_tokens > 1) tpot.push_back(r.tpot() * 1000.0);
    for (const float gap : r.gaps) itl.push_back(gap * 1000.0);
    e2e.push_back((r.ended - r.due) * 1000.0);
  }
  return {"Distribution of latencies",
          "milliseconds",
          "% at or below",
          {distribution("TTFT", std::move(ttft)), distribution("TPOT", std::move(tpot)),
           distribution("ITL", std::move(itl)), distribution("end to end", std::move(e2e))},
          {},
          {},
          true};
}

// ---------------------------------------------------------------- page

std::string latency_row(const char* name, const LatencySummary& s) {
  return fmt::format(
      "<tr><td>{}</td><td>{:.1f}</td><td>{:.1f}</td><td>{:.1f}</td><td>{:.1f}</td><td>{:.1f}</td>"
      "<td>{:.1f}</td><td>{}</td></tr>",
      name, s.mean, s.p50, s.p90, s.p95, s.p99, s.max, s.count);
}

std::string tiles_html(const LoadSummary& s, const LoadObjective& objective) {
  std::string html = "<div class=\"tiles\">";
  html +=
      report_tile(fmt::format("{:.1f}", s.output_tokens_per_second), "output tokens per second");
  html += report_tile(fmt::format("{:.2f}", s.requests_per_second), "requests per second");
  html += report_tile(fmt::format("{:.0f} ms", s.ttft.p50), "TTFT, median");
  html += report_tile(fmt::format("{:.1f} ms", s.tpot.p50), "TPOT, median");
  if (objective.any()) {
    html += report_tile(fmt::format("{:.1f} %", 100 * s.within_objective), "within the objective");
    html += report_tile(fmt::format("{:.2f}", s.goodput_per_second), "good requests per second");
  }
  html += report_tile(fmt::format("{} of {}", s.completed, s.sent), "requests completed");
  if (s.cached_tokens > 0) {
    html += report_tile(
        fmt::format("{:.0f} %", 100.0 * static_cast<double>(s.cached_tokens) /
                                    static_cast<double>(std::max<uint64_t>(s.prompt_tokens, 1))),
        "of prompt tokens from the cache");
  }
  return html + "</div>";
}

std::string failures_html(const LoadSummary& s) {
  if (s.failures.empty()) return "";
  std::string html = "<table><tr><th>Failure</th><th>requests</th></tr>";
  for (const auto& [reason, count] : s.failures) {
    html +=
        fmt::format("<tr><td class=\"bad\">{}</td><td>{}</td></tr>", escape_markup(reason), count);
  }
  return html + "</table>";
}

std::string about(const LoadRun& run) {
  const LoadSettings& s = run.settings;
  const std::string arrival =
      s.rate > 0 ? fmt::format("{:g} requests per second (burstiness {:g}), at most {} at once",
                               s.rate, s.burstiness, s.concurrency)
                 : fmt::format("{} clients in a closed loop", s.concurrency);
  const std::string shared = s.workload.shared_words > 0
                                 ? fmt::format(", {} of them shared in {} group(s)",
                                               s.workload.shared_words, s.workload.groups)
                                 : "";
  return fmt::format("{} at {}: {}; prompts of {} words{}; {} tokens out; {:.1f} s", run.model,
                     s.url, arrival, s.workload.prompt_words, shared, s.output_tokens, run.seconds);
}

}  // namespace

std::string load_report_json(const LoadRun& run, const LoadSummary& s,
                             const LoadObjective& objective) {
  json out = {{"settings", settings_json(run)},
              {"objective", objective_json(objective)},
              {"seconds", s.seconds},
              {"sent", s.sent},
              {"completed", s.completed},
              {"failures", s.failures},
              {"requests_per_second", s.requests_per_second},
              {"output_tokens_per_second", s.output_tokens_per_second},
              {"total_tokens_per_second", s.total_tokens_per_second},
              {"goodput_per_second", s.goodput_per_second},
              {"within_objective", s.within_objective},
              {"prompt_tokens", s.prompt_tokens},
              {"cached_tokens", s.cached_tokens},
              {"output_tokens", s.output_tokens},
              {"ttft_ms", latency_json(s.ttft)},
              {"tpot_ms", latency_json(s.tpot)},
              {"itl_ms", latency_json(s.itl)},
              {"e2e_ms", latency_json(s.e2e)},
              {"requests", json::array()}};
  for (const RequestRecord& record : run.requests) out["requests"].push_back(record_json(record));
  return out.dump(1, ' ', false, json::error_handler_t::replace);
}

std::string load_report_html(const LoadRun& run, const LoadSummary& s,
                             const LoadObjective& objective) {
  std::string html = tiles_html(s, objective);
  html +=
      "<table><tr><th>milliseconds</th><th>mean</th><th>p50</th><th>p90</th><th>p95</th><th>p99</"
      "th>"
      "<th>max</th><th>samples</th></tr>";
  html += latency_row("Time to the first token (TTFT)", s.ttft);
  html += latency_row("Time per output token (TPOT)", s.tpot);
  html += latency_row("Between two events (ITL)", s.itl);
  html += latency_row("End to end", s.e2e);
  html += "</table>" + failures_html(s) + "<div class=\"plots\">";
  for (const Plot& plot : {throughput_plot(run), concurrency_plot(run),
                           first_token_plot(run, objective), distribution_plot(run)}) {
    html += plot_svg(plot);
  }
  return report_page("Load on " + run.model, about(run), html + "</div>");
}

}  // namespace trivet
