// What the engine and the server report, as plain values.
#ifndef TRIVET_TELEMETRY_SAMPLES_H_
#define TRIVET_TELEMETRY_SAMPLES_H_

#include <cstdint>
#include <optional>
#include <string_view>

namespace trivet {

// After one engine step. Totals only grow; whoever counts takes the difference to the previous
// sample.
struct StepSample {
  int running = 0, waiting = 0;  // requests
  double kv_usage = 0.0;         // used share of the key/value pool, 0..1
  uint64_t prefix_query_tokens = 0, prefix_hit_tokens = 0;
  uint64_t preemptions = 0;
  uint64_t prompt_tokens = 0, generated_tokens = 0;
  int rows = 0;          // tokens in this step
  double seconds = 0.0;  // of this step
  int kv_blocks_total = 0, kv_blocks_free = 0;
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
  int prompt_tokens = 0, cached_tokens = 0, generated_tokens = 0;
  int n = 1;                      // choices asked for
  std::optional<int> max_tokens;  // as asked for
  std::string_view key;           // name of the API key; empty = anonymous
};

enum class Rejection { kQueueFull, kDraining, kLoading, kTooManyConnections, kRateLimit };

// The limit of an API key that a request ran into.
enum class KeyRefusal { kRequests, kTokens, kConcurrency, kModel };

// What became of a span of a trace.
enum class SpanOutcome { kExported, kDropped, kFailed };

}  // namespace trivet

#endif  // TRIVET_TELEMETRY_SAMPLES_H_
