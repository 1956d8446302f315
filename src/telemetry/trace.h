// Spans of the work that the server does, and where a request of a client belongs among them (W3C
// Trace Context).
#ifndef TRIVET_TELEMETRY_TRACE_H_
#define TRIVET_TELEMETRY_TRACE_H_

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace trivet {

using TraceId = std::array<unsigned char, 16>;
using SpanId = std::array<unsigned char, 8>;

// Of the caller, or of a span that was begun here.
struct TraceContext {
  TraceId trace_id{};
  SpanId span_id{};
  bool sampled = true;
  std::string state;  // "tracestate", handed on as it came
};

// "00-<32 hex>-<16 hex>-<2 hex>"; absent if it is anything else or has a zero id.
std::optional<TraceContext> parse_traceparent(std::string_view text);
std::string format_traceparent(const TraceContext& context);
// Fresh ids, in the trace of `parent` if there is one.
TraceContext begin_span(const std::optional<TraceContext>& parent);

using AttributeValue =
    std::variant<std::string, int64_t, double, std::vector<std::string>>;  // what OTLP can say

struct Span {
  enum class Kind { kInternal = 1, kServer = 2 };

  std::string name;
  Kind kind = Kind::kInternal;
  TraceContext context;
  std::optional<SpanId> parent;
  int64_t start_unix_ns = 0, end_unix_ns = 0;
  std::vector<std::pair<std::string, AttributeValue>> attributes;
  std::optional<std::string> error;  // what failed; absent = nothing
};

// The body of an OTLP/HTTP request, in JSON.
std::string encode_otlp(const std::vector<Span>& spans, const std::string& service_name,
                        const std::string& service_version);

}  // namespace trivet

#endif  // TRIVET_TELEMETRY_TRACE_H_
