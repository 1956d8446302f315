// Sends spans to a collector, behind the back of whoever makes them.
#ifndef TRIVET_TELEMETRY_TRACE_EXPORTER_H_
#define TRIVET_TELEMETRY_TRACE_EXPORTER_H_

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "telemetry/metrics.h"
#include "telemetry/trace.h"

namespace trivet {

// Spans wait in a bounded queue and leave in batches, on a thread of their own. A collector that is
// slow or gone costs spans, which are counted, and nothing else. Thread-safe.
class TraceExporter {
 public:
  // Sends a body; any error counts as a failed attempt.
  using Post = std::function<Result<void>(const std::string& body)>;

  struct Options {
    std::string endpoint;  // "http://collector:4318"; "/v1/traces" is appended if it has no path
    std::string service_name = "trivet";
    std::string service_version;
    size_t max_queued_spans = 8192;
    Duration interval = std::chrono::seconds(1);
    int attempts = 4;  // per batch, each after a longer pause
    Duration first_pause = std::chrono::milliseconds(500);
    Post post = {};  // null = HTTP to the endpoint
  };
  // kInvalidArgument: the endpoint. `metrics` must outlive it.
  static Result<std::unique_ptr<TraceExporter>> create(Options options, Metrics& metrics);
  // Tries once to send what is left.
  ~TraceExporter();

  void add(std::vector<Span> spans);

 private:
  TraceExporter(Options options, Metrics& metrics);
  void run();
  // False if the batch is lost.
  bool send(const std::vector<Span>& spans);
  bool pause(Duration time);  // false: the exporter ends

  const Options options_;
  Metrics& metrics_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<Span> queue_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace trivet

#endif  // TRIVET_TELEMETRY_TRACE_EXPORTER_H_
