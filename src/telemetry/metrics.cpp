#include "telemetry/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <array>
#include <map>

#include "telemetry/process_stats.h"

namespace trivet {
namespace {

using prometheus::Counter;
using prometheus::Gauge;
using prometheus::Histogram;
using prometheus::Labels;
using Buckets = Histogram::BucketBoundaries;

// Names, labels and bucket bounds follow vLLM's vllm/v1/metrics/loggers.py, so that its dashboards
// work.
const Buckets kFirstTokenBuckets = {.001, .005, .01, .02, .04, .06, .08, .1, .25, .5,  .75,
                                    1,    2.5,  5,   7.5, 10,  20,  40,  80, 160, 640, 2560};
const Buckets kTokenGapBuckets = {.01, .025, .05, .075, .1,  .15, .2, .3, .4, .5,
                                  .75, 1,    2.5, 5,    7.5, 10,  20, 40, 80};
const Buckets kRequestSecondsBuckets = {.3, .5, .8, 1,  1.5, 2,   2.5, 5,   10,   15,  20,
                                        30, 40, 50, 60, 120, 240, 480, 960, 1920, 7680};
const Buckets kStepTokensBuckets = {1, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384};
const Buckets kChoicesBuckets = {1, 2, 5, 10, 20};
const Buckets kHttpSecondsBuckets = {.001, .005, .01, .025, .05, .1, .25, .5,
                                     1,    2.5,  5,   10,   30,  60, 300};

// 1, 2, 5, 10, 20, 50 ... up to `largest`.
Buckets one_two_five(int largest) {
  Buckets buckets;
  for (double decade = 1;; decade *= 10) {
    for (const double mantissa : {1.0, 2.0, 5.0}) {
      if (mantissa * decade > std::max(largest, 1)) return buckets;
      buckets.push_back(mantissa * decade);
    }
  }
}

constexpr std::array<std::string_view, 4> kEnds = {"stop", "length", "abort", "error"};
constexpr std::array<std::string_view, 4> kRejections = {"queue_full", "draining", "loading",
                                                         "too_many_connections"};
constexpr std::array<std::string_view, 5> kMethods = {"GET", "HEAD", "POST", "OPTIONS", "other"};
constexpr std::array<std::string_view, 5> kStatusClasses = {"1xx", "2xx", "3xx", "4xx", "5xx"};
constexpr std::string_view kNoHandler = "none";

size_t method_index(std::string_view method) {
  const auto found = std::find(kMethods.begin(), kMethods.end(), method);
  return found == kMethods.end() ? kMethods.size() - 1
                                 : static_cast<size_t>(found - kMethods.begin());
}

// Series of one (method, handler).
struct HttpSeries {
  std::array<Counter*, kStatusClasses.size()> requests{};
  Histogram* seconds = nullptr;
};

// Builds series that carry the model's labels.
class SeriesMaker {
 public:
  SeriesMaker(prometheus::Registry& registry, Labels labels)
      : registry_(registry), labels_(std::move(labels)) {}

  Gauge* gauge(const char* name, const char* help) {
    return &prometheus::BuildGauge().Name(name).Help(help).Register(registry_).Add(labels_);
  }
  Counter* counter(const char* name, const char* help) {
    return &prometheus::BuildCounter().Name(name).Help(help).Register(registry_).Add(labels_);
  }
  Histogram* histogram(const char* name, const char* help, const Buckets& buckets) {
    return &prometheus::BuildHistogram().Name(name).Help(help).Register(registry_).Add(labels_,
                                                                                       buckets);
  }
  // One counter per value of `label`.
  template <size_t N>
  std::array<Counter*, N> counters(const char* name, const char* help, const char* label,
                                   const std::array<std::string_view, N>& values) {
    auto& family = prometheus::BuildCounter().Name(name).Help(help).Register(registry_);
    std::array<Counter*, N> result;
    for (size_t i = 0; i < N; ++i) {
      Labels labels = labels_;
      labels[label] = std::string(values[i]);
      result[i] = &family.Add(labels);
    }
    return result;
  }

 private:
  prometheus::Registry& registry_;
  Labels labels_;
};

void observe(Histogram* histogram, const std::optional<double>& value) {
  if (value) histogram->Observe(*value);
}

// Adds what a total has grown by since the last call.
void advance(Counter* counter, uint64_t& previous, uint64_t total) {
  if (total > previous) counter->Increment(static_cast<double>(total - previous));
  previous = std::max(previous, total);
}

}  // namespace

struct Metrics::Series {
  explicit Series(const Options& options)
      : model_labels{{"model_name", options.model_name}, {"engine", "0"}},
        maker(registry, model_labels),
        count_buckets(one_two_five(options.max_model_len)) {
    add_handler(kNoHandler);
  }

  void add_handler(std::string_view handler) {
    for (size_t method = 0; method < kMethods.size(); ++method) {
      HttpSeries& series = http[std::string(handler)][method];
      const Labels labels = {{"handler", std::string(handler)},
                             {"method", std::string(kMethods[method])}};
      series.seconds = &http_seconds.Add(labels, kHttpSecondsBuckets);
      for (size_t status = 0; status < kStatusClasses.size(); ++status) {
        Labels with_status = labels;
        with_status["status"] = std::string(kStatusClasses[status]);
        series.requests[status] = &http_requests.Add(with_status);
      }
    }
  }

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
  std::array<Counter*, 4> rejections =
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
  prometheus::Family<Gauge>& cache_config = prometheus::BuildGauge()
                                                .Name("vllm:cache_config_info")
                                                .Help("Settings of the KV cache.")
                                                .Register(registry);

  prometheus::Family<Counter>& http_requests = prometheus::BuildCounter()
                                                   .Name("http_requests_total")
                                                   .Help("HTTP requests answered.")
                                                   .Register(registry);
  prometheus::Family<Histogram>& http_seconds = prometheus::BuildHistogram()
                                                    .Name("http_request_duration_seconds")
                                                    .Help("Request head to end of the answer.")
                                                    .Register(registry);
  std::map<std::string, std::array<HttpSeries, kMethods.size()>, std::less<>> http;

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

Metrics::Metrics(const Options& options) : series_(std::make_unique<Series>(options)) {}
Metrics::~Metrics() = default;

void Metrics::set_cache_config(const std::vector<std::pair<std::string, std::string>>& labels) {
  Labels all = series_->model_labels;
  all.insert(labels.begin(), labels.end());
  series_->cache_config.Add(all).Set(1);
}

void Metrics::add_handler(std::string_view handler) { series_->add_handler(handler); }

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
  if (sample.rows > 0) s.step_tokens->Observe(sample.rows);
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
}

void Metrics::on_rejection(Rejection reason) {
  series_->rejections[static_cast<size_t>(reason)]->Increment();
}

void Metrics::on_token_gap(double seconds, int count) {
  if (count == 1) return series_->token_gap->Observe(seconds);
  if (count <= 0) return;
  std::vector<double> increments(kTokenGapBuckets.size() + 1, 0.0);
  const auto bucket = std::lower_bound(kTokenGapBuckets.begin(), kTokenGapBuckets.end(), seconds);
  increments[static_cast<size_t>(bucket - kTokenGapBuckets.begin())] = count;
  series_->token_gap->ObserveMultiple(increments, seconds * count);
}

void Metrics::on_http(std::string_view method, std::string_view handler, int status,
                      double seconds) {
  auto found = series_->http.find(handler);
  if (found == series_->http.end()) found = series_->http.find(kNoHandler);
  const HttpSeries& series = found->second[method_index(method)];
  const int status_class = std::clamp(status / 100, 1, 5);
  series.requests[static_cast<size_t>(status_class - 1)]->Increment();
  series.seconds->Observe(seconds);
}

std::string Metrics::render() {
  series_->refresh_process();
  return prometheus::TextSerializer().Serialize(series_->registry.Collect());
}

}  // namespace trivet
