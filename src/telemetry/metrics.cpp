#include "telemetry/metrics.h"

#include <prometheus/text_serializer.h>

#include "telemetry/http_series.h"
#include "telemetry/key_series.h"
#include "telemetry/process_stats.h"
#include "telemetry/series.h"

namespace trivet {
namespace {

constexpr std::array<std::string_view, 4> kEnds = {"stop", "length", "abort", "error"};
constexpr std::array<std::string_view, 5> kRejections = {"queue_full", "draining", "loading",
                                                         "too_many_connections", "rate_limit"};
constexpr std::array<std::string_view, 3> kPromptSources = {"local_compute", "local_cache_hit",
                                                            "external_kv_transfer"};
constexpr std::array<std::string_view, 2> kWaitingReasons = {"capacity", "deferred"};
constexpr std::array<std::string_view, 3> kSpanOutcomes = {"exported", "dropped", "failed"};
constexpr std::array<std::string_view, 3> kQuantiles = {"0.5", "0.9", "0.99"};
// The service level objectives and how well the last minute met them.
struct SloSeries {
  explicit SloSeries(SeriesMaker& maker)
      : targets(maker.gauges("trivet:slo_target_seconds", "What is promised.", "slo",
                             std::array<std::string_view, 2>{"ttft", "tpot"})),
        first_token(maker.gauges("trivet:ttft_window_seconds",
                                 "Time to first token over the last minute.", "quantile",
                                 kQuantiles)),
        per_output_token(maker.gauges("trivet:tpot_window_seconds",
                                      "Time per output token over the last minute.", "quantile",
                                      kQuantiles)),
        goodput(maker.gauge("trivet:slo_goodput_ratio",
                            "Share of the last minute's requests within both targets.")),
        failures(maker.gauge("trivet:slo_failure_ratio",
                             "Share of the last minute's requests that failed or were refused.")) {}

  static void set(std::array<Gauge*, 3>& gauges, const LatencyPercentiles& summary) {
    gauges[0]->Set(summary.p50.value_or(0.0));
    gauges[1]->Set(summary.p90.value_or(0.0));
    gauges[2]->Set(summary.p99.value_or(0.0));
  }

  // Without requests nothing is broken: the ratios are those of a server that keeps its word.
  void refresh(LiveStats& live) {
    const LiveSnapshot now = live.snapshot();
    targets[0]->Set(live.targets().first_token_seconds);
    targets[1]->Set(live.targets().per_output_token_seconds);
    set(first_token, now.first_token);
    set(per_output_token, now.per_output_token);
    goodput->Set(now.goodput_ratio.value_or(1.0));
    failures->Set(now.failure_ratio.value_or(0.0));
  }

  std::array<Gauge*, 2> targets;
  std::array<Gauge*, 3> first_token, per_output_token;
  Gauge *goodput, *failures;
};

}  // namespace

struct Metrics::Series {
  explicit Series(const Options& options)
      : model_labels{{"model_name", options.model_name}, {"engine", "0"}},
        maker(registry, model_labels),
        count_buckets(one_two_five(options.max_model_len)) {}

  void refresh_process() {
    const ProcessStats stats = read_process_stats();
    resident->Set(static_cast<double>(stats.resident_bytes));
    virtual_memory->Set(static_cast<double>(stats.virtual_bytes));
    open_fds->Set(stats.open_fds);
    max_fds->Set(static_cast<double>(stats.max_fds));
    start_time->Set(stats.start_unix_seconds);
    const double grown = stats.cpu_seconds - cpu_seconds->Value();
    if (grown > 0) cpu_seconds->Increment(grown);
  }

  prometheus::Registry registry;
  Labels model_labels;
  SeriesMaker maker;
  Buckets count_buckets;

  Gauge* running = maker.gauge("vllm:num_requests_running", "Requests in the running batch.");
  Gauge* waiting = maker.gauge("vllm:num_requests_waiting", "Requests waiting for the scheduler.");
  Gauge* kv_usage =
      maker.gauge("vllm:kv_cache_usage_perc", "Used share of the KV cache; 1 = full.");
  Counter* prefix_queries = maker.counter("vllm:prefix_cache_queries_total",
                                          "Prompt tokens looked up in the prefix cache.");
  Counter* prefix_hits =
      maker.counter("vllm:prefix_cache_hits_total", "Prompt tokens found in the prefix cache.");
  Counter* preemptions = maker.counter("vllm:num_preemptions_total", "Preemptions.");
  Counter* prompt_tokens = maker.counter("vllm:prompt_tokens_total", "Prompt tokens computed.");
  Counter* generation_tokens = maker.counter("vllm:generation_tokens_total", "Tokens generated.");
  std::array<Counter*, 4> ends = maker.counters("vllm:request_success_total",
                                                "Requests that ended.", "finished_reason", kEnds);
  std::array<Counter*, 5> rejections =
      maker.counters("vllm:admission_rejections_total", "Requests turned away at the door.",
                     "reason", kRejections);
  Histogram* step_tokens =
      maker.histogram("vllm:iteration_tokens_total", "Tokens per engine step.", kStepTokensBuckets);
  Histogram* first_token = maker.histogram("vllm:time_to_first_token_seconds",
                                           "Arrival to first token.", kFirstTokenBuckets);
  Histogram* token_gap = maker.histogram("vllm:inter_token_latency_seconds",
                                         "Time between output tokens.", kTokenGapBuckets);
  Histogram* per_output_token =
      maker.histogram("vllm:request_time_per_output_token_seconds",
                      "Mean time per output token of a request.", kTokenGapBuckets);
  Histogram* total_seconds = maker.histogram("vllm:e2e_request_latency_seconds", "Arrival to end.",
                                             kRequestSecondsBuckets);
  Histogram* queue_seconds = maker.histogram("vllm:request_queue_time_seconds",
                                             "Time spent waiting.", kRequestSecondsBuckets);
  Histogram* inference_seconds = maker.histogram("vllm:request_inference_time_seconds",
                                                 "Time spent running.", kRequestSecondsBuckets);
  Histogram* prefill_seconds = maker.histogram("vllm:request_prefill_time_seconds",
                                               "Time spent in prefill.", kRequestSecondsBuckets);
  Histogram* decode_seconds = maker.histogram("vllm:request_decode_time_seconds",
                                              "Time spent in decode.", kRequestSecondsBuckets);
  Histogram* request_prompt_tokens =
      maker.histogram("vllm:request_prompt_tokens", "Prompt tokens of a request.", count_buckets);
  Histogram* request_generation_tokens = maker.histogram(
      "vllm:request_generation_tokens", "Generated tokens of a request.", count_buckets);
  Histogram* request_n =
      maker.histogram("vllm:request_params_n", "Choices asked for (n).", kChoicesBuckets);
  Histogram* request_max_tokens =
      maker.histogram("vllm:request_params_max_tokens", "max_tokens asked for.", count_buckets);
  Histogram* request_computed_tokens =
      maker.histogram("vllm:request_prefill_kv_computed_tokens",
                      "Prompt tokens of a request that were not in the cache.", count_buckets);
  Histogram* request_longest_choice =
      maker.histogram("vllm:request_max_num_generation_tokens",
                      "Tokens that a request generated per choice.", count_buckets);
  std::array<Counter*, 3> prompt_sources =
      maker.counters("vllm:prompt_tokens_by_source_total", "Prompt tokens by where they came from.",
                     "source", kPromptSources);
  Counter* prompt_cached =
      maker.counter("vllm:prompt_tokens_cached_total", "Prompt tokens taken from the cache.");
  std::array<Gauge*, 2> waiting_reasons =
      maker.gauges("vllm:num_requests_waiting_by_reason", "Requests waiting, by what for.",
                   "reason", kWaitingReasons);
  Histogram* step_seconds =
      maker.histogram("trivet:step_seconds", "Time of one engine step.", kStepSecondsBuckets);
  Gauge* memory_budget =
      maker.gauge("trivet:memory_budget_bytes", "What the process may take, all in all.");
  prometheus::Family<Gauge>& memory = prometheus::BuildGauge()
                                          .Name("trivet:memory_bytes")
                                          .Help("Planned memory by purpose.")
                                          .Register(registry);
  std::array<Counter*, 3> spans =
      maker.counters("trivet:trace_spans_total", "Spans of traces by what became of them.",
                     "outcome", kSpanOutcomes);
  KeySeries keys{registry, model_labels};
  SloSeries slo{maker};
  prometheus::Family<Gauge>& cache_config = prometheus::BuildGauge()
                                                .Name("vllm:cache_config_info")
                                                .Help("Settings of the KV cache.")
                                                .Register(registry);

  HttpSeries http{registry};

  SeriesMaker process{registry, {}};
  Gauge* resident = process.gauge("process_resident_memory_bytes", "Resident memory.");
  Gauge* virtual_memory = process.gauge("process_virtual_memory_bytes", "Virtual memory.");
  Gauge* open_fds = process.gauge("process_open_fds", "Open file descriptors.");
  Gauge* max_fds = process.gauge("process_max_fds", "Limit of open file descriptors.");
  Gauge* start_time =
      process.gauge("process_start_time_seconds", "Start of the process, Unix seconds.");
  Counter* cpu_seconds = process.counter("process_cpu_seconds_total", "CPU time used.");

  StepSample previous;  // totals of the last step; written by the thread that calls on_step
};

Metrics::Metrics(const Options& options)
    : own_clock_(options.clock == nullptr ? std::make_unique<SteadyClock>() : nullptr),
      live_(std::make_unique<LiveStats>(options.slo,
                                        own_clock_ != nullptr ? *own_clock_ : *options.clock)),
      series_(std::make_unique<Series>(options)) {}
Metrics::~Metrics() = default;

void Metrics::set_cache_config(const std::vector<std::pair<std::string, std::string>>& labels) {
  Labels all = series_->model_labels;
  all.insert(labels.begin(), labels.end());
  series_->cache_config.Add(all).Set(1);
}

void Metrics::set_memory(Memory memory) {
  memory_ = std::move(memory);
  series_->memory_budget->Set(static_cast<double>(memory_.budget_bytes));
  for (const auto& [purpose, bytes] : memory_.purposes) {
    Labels labels = series_->model_labels;
    labels["purpose"] = purpose;
    series_->memory.Add(labels).Set(static_cast<double>(bytes));
  }
}

void Metrics::add_handler(std::string_view handler) { series_->http.add_handler(handler); }

void Metrics::on_step(const StepSample& sample) {
  Series& s = *series_;
  s.running->Set(sample.running);
  s.waiting->Set(sample.waiting);
  s.kv_usage->Set(sample.kv_usage);
  advance(s.prefix_queries, s.previous.prefix_query_tokens, sample.prefix_query_tokens);
  advance(s.prefix_hits, s.previous.prefix_hit_tokens, sample.prefix_hit_tokens);
  advance(s.preemptions, s.previous.preemptions, sample.preemptions);
  advance(s.prompt_tokens, s.previous.prompt_tokens, sample.prompt_tokens);
  advance(s.generation_tokens, s.previous.generated_tokens, sample.generated_tokens);
  s.waiting_reasons[0]->Set(sample.waiting);
  live_->on_step(sample);
  if (sample.rows == 0) return;
  s.step_tokens->Observe(sample.rows);
  s.step_seconds->Observe(sample.seconds);
}

void Metrics::on_request_end(const RequestSample& sample) {
  Series& s = *series_;
  s.ends[static_cast<size_t>(sample.end)]->Increment();
  s.total_seconds->Observe(sample.total);
  observe(s.queue_seconds, sample.queue);
  observe(s.first_token, sample.to_first_token);
  observe(s.prefill_seconds, sample.prefill);
  observe(s.decode_seconds, sample.decode);
  observe(s.inference_seconds, sample.inference);
  observe(s.per_output_token, sample.per_output_token);
  s.request_prompt_tokens->Observe(sample.prompt_tokens);
  s.request_generation_tokens->Observe(sample.generated_tokens);
  s.request_n->Observe(sample.n);
  if (sample.max_tokens) s.request_max_tokens->Observe(*sample.max_tokens);
  if (sample.queue) {  // was scheduled, so its prompt was looked up
    const int computed = std::max(sample.prompt_tokens - sample.cached_tokens, 0);
    s.prompt_sources[0]->Increment(computed);
    s.prompt_sources[1]->Increment(sample.cached_tokens);
    s.prompt_cached->Increment(sample.cached_tokens);
    s.request_computed_tokens->Observe(computed);
  }
  s.request_longest_choice->Observe(sample.generated_tokens / std::max(sample.n, 1));
  s.keys.on_request_end(sample);
  live_->on_request_end(sample);
}

void Metrics::on_rejection(Rejection reason) {
  series_->rejections[static_cast<size_t>(reason)]->Increment();
  live_->on_rejection(reason);
}

void Metrics::on_key_refusal(std::string_view key, KeyRefusal reason) {
  series_->keys.on_refusal(key, reason);
  if (reason != KeyRefusal::kModel) on_rejection(Rejection::kRateLimit);
}

void Metrics::on_spans(SpanOutcome outcome, size_t count) {
  series_->spans[static_cast<size_t>(outcome)]->Increment(static_cast<double>(count));
}

void Metrics::on_token_gap(double seconds, int count) {
  live_->on_token_gap(seconds, count);
  if (count == 1) return series_->token_gap->Observe(seconds);
  if (count <= 0) return;
  std::vector<double> increments(kTokenGapBuckets.size() + 1, 0.0);
  const auto bucket = std::lower_bound(kTokenGapBuckets.begin(), kTokenGapBuckets.end(), seconds);
  increments[static_cast<size_t>(bucket - kTokenGapBuckets.begin())] = count;
  series_->token_gap->ObserveMultiple(increments, seconds * count);
}

void Metrics::on_http(std::string_view method, std::string_view handler, int status,
                      double seconds) {
  series_->http.on_http(method, handler, status, seconds);
}

std::string Metrics::render() {
  series_->refresh_process();
  series_->slo.refresh(*live_);
  return prometheus::TextSerializer().Serialize(series_->registry.Collect());
}

}  // namespace trivet
