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

namespace trivet {

// After one engine step. Totals only grow; the counters take the difference to the previous sample.
struct StepSample {
  int running = 0, waiting = 0;  // requests
  double kv_usage = 0.0;         // used share of the key/value pool, 0..1
  uint64_t prefix_query_tokens = 0, prefix_hit_tokens = 0;
  uint64_t preemptions = 0;
  uint64_t prompt_tokens = 0, generated_tokens = 0;
  int rows = 0;  // tokens in this step
};

enum class RequestEnd { kStop, kLength, kAbort, kError };

// One request that left the engine. Times in seconds; absent = it did not get that far.
struct RequestSample {
  RequestEnd end = RequestEnd::kStop;
  double total = 0.0;                      // arrival to end
  std::optional<double> queue;             // arrival to first scheduled
  std::optional<double> to_first_token;    // arrival to first token
  std::optional<double> prefill;           // scheduled to first token
  std::optional<double> decode;            // first token to end
  std::optional<double> inference;         // scheduled to end
  std::optional<double> per_output_token;  // decode / (tokens - 1)
  int prompt_tokens = 0, generated_tokens = 0;
  int n = 1;                      // choices asked for
  std::optional<int> max_tokens;  // as asked for
};

enum class Rejection { kQueueFull, kDraining, kLoading, kTooManyConnections };

// Thread-safe, except on_step: one thread. Label sets are fixed at the start, so nothing a client
// sends can add a time series.
class Metrics {
 public:
  struct Options {
    std::string model_name;     // label model_name
    int max_model_len = 32768;  // largest bucket of the token-count histograms
  };
  explicit Metrics(const Options& options);
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  // The labels of vllm:cache_config_info, once known. Label names must be valid; call once.
  void set_cache_config(const std::vector<std::pair<std::string, std::string>>& labels);

  // A value of the label `handler` of http_*; others count as "none". Not while on_http may run.
  void add_handler(std::string_view handler);

  void on_step(const StepSample& sample);
  void on_request_end(const RequestSample& sample);
  void on_rejection(Rejection reason);
  // Time between two tokens of a stream, `count` times.
  void on_token_gap(double seconds, int count = 1);
  void on_http(std::string_view method, std::string_view handler, int status, double seconds);

  // All series, text format 0.0.4. Reads /proc for the process_* gauges.
  std::string render();
  static constexpr std::string_view kContentType = "text/plain; version=0.0.4; charset=utf-8";

 private:
  struct Series;
  std::unique_ptr<Series> series_;
};

}  // namespace trivet

#endif  // TRIVET_TELEMETRY_METRICS_H_
