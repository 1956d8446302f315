// What one request of a client becomes in traces: the request itself, its time in the queue, in
// prefill and in decode. Attribute names are vLLM's and those of OpenTelemetry's conventions for
// generative AI. Never holds text of prompts or answers.
#ifndef TRIVET_SERVER_REQUEST_TRACE_H_
#define TRIVET_SERVER_REQUEST_TRACE_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/engine.h"
#include "server/http/message.h"
#include "telemetry/trace.h"

namespace trivet {

// One prompt of a call, as far as it got. Unset times: not reached.
struct TracedGeneration {
  RequestTiming timing;
  RequestUsage usage;
  std::optional<int> max_tokens;
  double temperature = 1.0, top_p = 1.0;
  int n = 1;
};

// The request around the generations.
struct TracedRequest {
  TimePoint started{}, ended{};
  std::string_view request_id, method, route, model, tenant, finish;
  int status = 0;
  std::vector<TracedGeneration> generations;
};

class RequestTrace {
 public:
  // Goes on with the trace of the client's "traceparent", or begins one. A client that does not
  // sample has its wish.
  explicit RequestTrace(const HttpHead& head);

  bool sampled() const { return context_.sampled; }
  // "traceparent" of this request's span, for the answer.
  std::string traceparent() const { return format_traceparent(context_); }
  std::vector<Span> spans(const TracedRequest& request) const;

 private:
  TraceContext context_;
  std::optional<SpanId> parent_;
};

}  // namespace trivet

#endif  // TRIVET_SERVER_REQUEST_TRACE_H_
