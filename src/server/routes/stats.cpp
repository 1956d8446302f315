// GET /v1/trivet/stats: everything a dashboard needs, in one object. Latencies in milliseconds;
// null = nothing measured.
#include <fmt/format.h>

#include <charconv>

#include "api/json_writer.h"
#include "server/route.h"
#include "server/server_state.h"
#include "telemetry/process_stats.h"

namespace trivet::routes {
namespace {

JsonWriter& decimal(JsonWriter& writer, double value, int digits = 3) {
  return writer.raw(fmt::format("{:.{}f}", value, digits));
}

void number(JsonWriter& writer, const char* name, double value) {
  decimal(writer.key(name), value);
}

void number(JsonWriter& writer, const char* name, const std::optional<double>& value,
            double scale = 1.0) {
  writer.key(name);
  value ? decimal(writer, *value * scale) : writer.null();
}

void count(JsonWriter& writer, const char* name, uint64_t value) {
  writer.key(name).integer(static_cast<int64_t>(value));
}

const char* state_name(ServerPhase phase) {
  switch (phase) {
    case ServerPhase::kLoading:
      return "loading";
    case ServerPhase::kServing:
      return "serving";
    case ServerPhase::kDraining:
      break;
  }
  return "draining";
}

std::optional<double> ratio(double part, double whole) {
  if (whole <= 0.0) return std::nullopt;
  return part / whole;
}

void write_now(JsonWriter& writer, const LiveSnapshot& live, const EngineStats& engine,
               int connections) {
  const double seconds = std::max(live.recent_seconds, 1);
  const auto steps = static_cast<double>(live.recent.steps);
  const int total = std::max(engine.kv_blocks_total, 1);
  writer.key("now").begin_object();
  count(writer, "running", static_cast<uint64_t>(engine.running));
  count(writer, "waiting", static_cast<uint64_t>(engine.waiting));
  count(writer, "streams", static_cast<uint64_t>(connections));
  number(writer, "generated_tokens_per_second",
         static_cast<double>(live.recent.generated_tokens) / seconds);
  number(writer, "prompt_tokens_per_second",
         static_cast<double>(live.recent.prompt_tokens) / seconds);
  number(writer, "requests_per_second", live.recent.finished / seconds);
  number(writer, "batch_tokens",
         ratio(static_cast<double>(live.recent.step_tokens), steps).value_or(0.0));
  number(writer, "step_ms", ratio(live.recent.step_seconds, steps), 1e3);
  number(writer, "kv_usage",
         static_cast<double>(engine.kv_blocks_total - engine.kv_blocks_free) / total);
  count(writer, "kv_blocks_total", static_cast<uint64_t>(engine.kv_blocks_total));
  count(writer, "kv_blocks_free", static_cast<uint64_t>(engine.kv_blocks_free));
  number(writer, "cache_hit_rate", live.cache_hit_rate);
  writer.end_object();
}

void write_latency(JsonWriter& writer, const char* name, const LatencyPercentiles& summary) {
  writer.key(name).begin_object();
  count(writer, "count", summary.count);
  number(writer, "mean", summary.mean, 1e3);
  number(writer, "p50", summary.p50, 1e3);
  number(writer, "p90", summary.p90, 1e3);
  number(writer, "p99", summary.p99, 1e3);
  writer.end_object();
}

void write_latencies(JsonWriter& writer, const LiveSnapshot& live) {
  writer.key("latency").begin_object();
  write_latency(writer, "ttft_ms", live.first_token);
  write_latency(writer, "tpot_ms", live.per_output_token);
  write_latency(writer, "itl_ms", live.token_gap);
  write_latency(writer, "queue_ms", live.queue);
  write_latency(writer, "e2e_ms", live.total);
  writer.end_object();
}

void write_slo(JsonWriter& writer, const SloTargets& targets, const LiveSnapshot& live) {
  writer.key("slo").begin_object();
  number(writer, "ttft_ms", targets.first_token_seconds * 1e3);
  number(writer, "tpot_ms", targets.per_output_token_seconds * 1e3);
  number(writer, "goodput_ratio", live.goodput_ratio);
  number(writer, "failure_rate", live.failure_ratio);
  count(writer, "requests", live.window_requests);
  count(writer, "failures", live.window_failures);
  writer.end_object();
}

void write_totals(JsonWriter& writer, const LiveTotals& totals, const EngineStats& engine) {
  writer.key("totals").begin_object();
  count(writer, "requests", totals.requests);
  count(writer, "errors", totals.errors);
  count(writer, "aborted", totals.aborted);
  count(writer, "rejected", totals.rejected);
  count(writer, "prompt_tokens", engine.prompt_tokens);
  count(writer, "generated_tokens", engine.generated_tokens);
  count(writer, "prefix_query_tokens", engine.prefix_queries_tokens);
  count(writer, "prefix_hit_tokens", engine.prefix_hits_tokens);
  count(writer, "preemptions", engine.preemptions);
  count(writer, "steps", engine.steps);
  writer.end_object();
}

void write_memory(JsonWriter& writer, const Metrics::Memory& memory) {
  writer.key("memory").begin_object();
  count(writer, "budget_bytes", memory.budget_bytes);
  count(writer, "resident_bytes", static_cast<uint64_t>(read_resident_bytes()));
  writer.key("items").begin_array();
  for (const auto& [purpose, bytes] : memory.purposes) {
    writer.begin_object().key("name").string(purpose);
    count(writer, "bytes", bytes);
    writer.end_object();
  }
  writer.end_array().end_object();
}

void write_second(JsonWriter& writer, const SecondRecord& second) {
  const auto steps = static_cast<double>(second.steps);
  writer.begin_object();
  writer.key("at").integer(second.unix_second);
  count(writer, "generated", second.generated_tokens);
  count(writer, "prompt", second.prompt_tokens);
  writer.key("finished").integer(second.finished);
  writer.key("failed").integer(second.failed);
  writer.key("running").integer(second.running);
  writer.key("waiting").integer(second.waiting);
  number(writer, "kv_usage", second.kv_usage);
  number(writer, "batch_tokens",
         ratio(static_cast<double>(second.step_tokens), steps).value_or(0.0));
  number(writer, "step_ms", ratio(second.step_seconds, steps).value_or(0.0) * 1e3);
  number(writer, "ttft_ms", second.first_token_median, 1e3);
  number(writer, "tpot_ms", second.per_output_token_median, 1e3);
  number(writer, "itl_ms", second.token_gap_mean, 1e3);
  writer.key("resident_bytes").integer(second.resident_bytes);
  writer.end_object();
}

// Whose business it is: an admin's, or anyone's where there are no keys.
void write_keys(JsonWriter& writer, const RouteCall& call) {
  writer.key("keys").begin_array();
  const auto totals = call.context.admin ? call.server.keys().totals()
                                         : std::vector<std::pair<std::string, KeyTotals>>();
  for (const auto& [name, key] : totals) {
    writer.begin_object().key("name").string(name);
    writer.key("running").integer(key.running);
    count(writer, "requests", key.requests);
    count(writer, "rejected", key.refused);
    count(writer, "prompt_tokens", key.prompt_tokens);
    count(writer, "generated_tokens", key.generated_tokens);
    writer.end_object();
  }
  writer.end_array();
}

// "history=N" of the query; everything else is ignored.
int wanted_history(std::string_view query) {
  constexpr std::string_view kName = "history=";
  while (!query.empty()) {
    const std::string_view field = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(field.size() + 1, query.size()));
    if (!field.starts_with(kName)) continue;
    const std::string_view text = field.substr(kName.size());
    int value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error == std::errc() && end == text.data() + text.size())
      return std::clamp(value, 0, LiveStats::kHistorySeconds);
  }
  return LiveStats::kHistorySeconds;
}

Answer stats(const RouteCall& call) {
  LiveStats& stats = call.server.metrics().live();
  const LiveSnapshot live = stats.snapshot(wanted_history(call.query));
  const Engine* engine_or_null = call.server.engine();
  const EngineStats engine = engine_or_null != nullptr ? engine_or_null->stats() : EngineStats{};
  HttpResponse response;
  JsonWriter writer(response.body);
  writer.begin_object();
  writer.key("version").string(TRIVET_VERSION);
  writer.key("model").string(call.model != nullptr ? call.model->names.front() : "");
  writer.key("state").string(state_name(call.server.phase()));
  number(writer, "uptime_seconds", live.uptime_seconds);
  number(writer, "unix_seconds", live.unix_seconds);
  writer.key("window_seconds").integer(LiveStats::kWindowSeconds);
  write_now(writer, live, engine, call.server.connections());
  write_latencies(writer, live);
  write_slo(writer, stats.targets(), live);
  write_totals(writer, live.totals, engine);
  write_memory(writer, call.server.metrics().memory());
  write_keys(writer, call);
  writer.key("history").begin_array();
  for (const SecondRecord& second : live.history) write_second(writer, second);
  writer.end_array().end_object();
  response.fields.emplace_back("Cache-Control", "no-store");
  return response;
}

}  // namespace

Route stats_route() {
  return {.method = "GET", .path = "/v1/trivet/stats", .answer = stats, .blocks = true};
}

}  // namespace trivet::routes
