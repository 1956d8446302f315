#include "telemetry/trace.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <random>

#include "base/hex.h"

namespace trivet {
namespace {

using Json = nlohmann::ordered_json;

// Lower case only, as the standard demands.
int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

template <size_t N>
bool read_hex(std::string_view text, std::array<unsigned char, N>& bytes) {
  if (text.size() != 2 * N) return false;
  for (size_t i = 0; i < N; ++i) {
    const int high = hex_value(text[2 * i]), low = hex_value(text[2 * i + 1]);
    if (high < 0 || low < 0) return false;
    bytes[i] = static_cast<unsigned char>(high * 16 + low);
  }
  return true;
}

template <size_t N>
bool is_zero(const std::array<unsigned char, N>& bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](unsigned char b) { return b == 0; });
}

// Ids must differ, not be secret.
template <size_t N>
void randomise(std::array<unsigned char, N>& bytes) {
  thread_local std::mt19937_64 generator{std::random_device{}()};
  for (size_t i = 0; i < N; i += 8) {
    const uint64_t value = generator() | 1;  // never zero
    for (size_t j = i; j < std::min(N, i + 8); ++j)
      bytes[j] = static_cast<unsigned char>(value >> (8 * (j - i)));
  }
}

Json value_of(const AttributeValue& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return {{"stringValue", *text}};
  if (const auto* whole = std::get_if<int64_t>(&value))
    return {{"intValue", std::to_string(*whole)}};
  if (const auto* number = std::get_if<double>(&value)) return {{"doubleValue", *number}};
  Json values = Json::array();
  for (const std::string& text : std::get<std::vector<std::string>>(value))
    values.push_back({{"stringValue", text}});
  return {{"arrayValue", {{"values", values}}}};
}

Json attribute(const std::string& key, const AttributeValue& value) {
  return {{"key", key}, {"value", value_of(value)}};
}

Json span_json(const Span& span) {
  constexpr int kOk = 0, kError = 2;
  Json out = {{"traceId", to_hex(span.context.trace_id)}, {"spanId", to_hex(span.context.span_id)}};
  if (!span.context.state.empty()) out["traceState"] = span.context.state;
  if (span.parent) out["parentSpanId"] = to_hex(*span.parent);
  out["name"] = span.name;
  out["kind"] = static_cast<int>(span.kind);
  out["startTimeUnixNano"] = std::to_string(span.start_unix_ns);
  out["endTimeUnixNano"] = std::to_string(span.end_unix_ns);
  out["attributes"] = Json::array();
  for (const auto& [key, value] : span.attributes)
    out["attributes"].push_back(attribute(key, value));
  out["status"] = {{"code", span.error ? kError : kOk}};
  if (span.error) out["status"]["message"] = *span.error;
  return out;
}

}  // namespace

std::optional<TraceContext> parse_traceparent(std::string_view text) {
  constexpr size_t kSize = 55;  // later versions may append, after a dash
  if (text.size() < kSize || text[2] != '-' || text[35] != '-' || text[52] != '-')
    return std::nullopt;
  std::array<unsigned char, 1> version{}, flags{};
  TraceContext context;
  if (!read_hex(text.substr(0, 2), version) || version[0] == 0xff) return std::nullopt;
  if (text.size() > kSize && (version[0] == 0 || text[kSize] != '-')) return std::nullopt;
  if (!read_hex(text.substr(3, 32), context.trace_id) || is_zero(context.trace_id) ||
      !read_hex(text.substr(36, 16), context.span_id) || is_zero(context.span_id) ||
      !read_hex(text.substr(53, 2), flags)) {
    return std::nullopt;
  }
  context.sampled = (flags[0] & 1) != 0;
  return context;
}

std::string format_traceparent(const TraceContext& context) {
  return "00-" + to_hex(context.trace_id) + "-" + to_hex(context.span_id) +
         (context.sampled ? "-01" : "-00");
}

TraceContext begin_span(const std::optional<TraceContext>& parent) {
  TraceContext context;
  if (parent) context = *parent;
  if (!parent) randomise(context.trace_id);
  randomise(context.span_id);
  return context;
}

std::string encode_otlp(const std::vector<Span>& spans, const std::string& service_name,
                        const std::string& service_version) {
  Json list = Json::array();
  for (const Span& span : spans) list.push_back(span_json(span));
  const Json resource = {
      {"attributes", Json::array({attribute("service.name", service_name),
                                  attribute("service.version", service_version)})}};
  const Json scope = {{"name", "trivet"}, {"version", service_version}};
  const Json scoped = {{"scope", scope}, {"spans", std::move(list)}};
  const Json root = {{"resourceSpans", Json::array({{{"resource", resource},
                                                     {"scopeSpans", Json::array({scoped})}}})}};
  return root.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace trivet
