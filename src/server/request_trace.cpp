#include "server/request_trace.h"

#include <algorithm>

#include "base/clock.h"

namespace trivet {
namespace {

constexpr size_t kMaxStateBytes = 512;

// The steady clock measures; the wall clock says when. They are compared once per request.
class WallClock {
 public:
  WallClock(TimePoint now)
      : offset_ns_(unix_time<std::chrono::nanoseconds>() - since_boot_ns(now)) {}
  int64_t at(TimePoint time) const { return offset_ns_ + since_boot_ns(time); }

 private:
  static int64_t since_boot_ns(TimePoint time) {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count();
  }
  int64_t offset_ns_;
};

bool is_tracestate(std::string_view text) {
  return text.size() <= kMaxStateBytes &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
}

using Attributes = std::vector<std::pair<std::string, AttributeValue>>;

void add_text(Attributes& attributes, const char* name, std::string_view value) {
  if (!value.empty()) attributes.emplace_back(name, std::string(value));
}

void add_time(Attributes& attributes, const char* name, TimePoint from, TimePoint to) {
  if (from == TimePoint{} || to == TimePoint{}) return;
  attributes.emplace_back(name, std::max(0.0, seconds_between(from, to)));
}

std::string_view operation_of(std::string_view route) {
  const bool is_chat = route.find("chat") != std::string_view::npos ||
                       route.find("messages") != std::string_view::npos ||
                       route.find("responses") != std::string_view::npos;
  return is_chat ? "chat" : "text_completion";
}

void add_generation(Attributes& attributes, const TracedGeneration& generation) {
  const RequestTiming& t = generation.timing;
  if (generation.max_tokens)
    attributes.emplace_back("gen_ai.request.max_tokens", int64_t{*generation.max_tokens});
  attributes.emplace_back("gen_ai.request.temperature", generation.temperature);
  attributes.emplace_back("gen_ai.request.top_p", generation.top_p);
  attributes.emplace_back("gen_ai.request.n", int64_t{generation.n});
  add_time(attributes, "gen_ai.latency.time_in_queue", t.arrived, t.scheduled);
  add_time(attributes, "gen_ai.latency.time_to_first_token", t.arrived, t.first_token);
  add_time(attributes, "gen_ai.latency.e2e", t.arrived, t.finished);
  add_time(attributes, "gen_ai.latency.time_in_model_prefill", t.scheduled, t.first_token);
  add_time(attributes, "gen_ai.latency.time_in_model_decode", t.first_token, t.finished);
  add_time(attributes, "gen_ai.latency.time_in_model_inference", t.scheduled, t.finished);
}

Attributes attributes_of(const TracedRequest& request) {
  Attributes attributes;
  add_text(attributes, "gen_ai.operation.name", operation_of(request.route));
  add_text(attributes, "gen_ai.provider.name", "trivet");
  add_text(attributes, "gen_ai.request.id", request.request_id);
  add_text(attributes, "gen_ai.request.model", request.model);
  add_text(attributes, "gen_ai.response.model", request.model);
  add_text(attributes, "http.request.method", request.method);
  add_text(attributes, "http.route", request.route);
  attributes.emplace_back("http.response.status_code", int64_t{request.status});
  add_text(attributes, "trivet.api_key", request.tenant);
  if (!request.finish.empty()) {
    attributes.emplace_back("gen_ai.response.finish_reasons",
                            std::vector<std::string>{std::string(request.finish)});
  }
  int64_t prompt = 0, cached = 0, generated = 0, sequences = 0;
  for (const TracedGeneration& generation : request.generations) {
    prompt += generation.usage.prompt_tokens;
    cached += generation.usage.cached_tokens;
    generated += generation.usage.completion_tokens;
    sequences += generation.n;
  }
  for (const char* name : {"gen_ai.usage.prompt_tokens", "gen_ai.usage.input_tokens"})
    attributes.emplace_back(name, prompt);
  for (const char* name : {"gen_ai.usage.completion_tokens", "gen_ai.usage.output_tokens"})
    attributes.emplace_back(name, generated);
  attributes.emplace_back("gen_ai.usage.cached_tokens", cached);
  attributes.emplace_back("gen_ai.usage.num_sequences", sequences);
  if (!request.generations.empty()) add_generation(attributes, request.generations.front());
  return attributes;
}

}  // namespace

RequestTrace::RequestTrace(const HttpHead& head) {
  std::optional<TraceContext> caller;
  if (const std::string* text = head.find("traceparent")) caller = parse_traceparent(*text);
  if (caller) {
    parent_ = caller->span_id;
    const std::string* state = head.find("tracestate");
    if (state != nullptr && is_tracestate(*state)) caller->state = *state;
  }
  context_ = begin_span(caller);
}

std::vector<Span> RequestTrace::spans(const TracedRequest& request) const {
  const WallClock wall(request.ended);
  std::vector<Span> spans;
  Span& root = spans.emplace_back();
  root.name = "llm_request";
  root.kind = Span::Kind::kServer;
  root.context = context_;
  root.parent = parent_;
  root.start_unix_ns = wall.at(request.started);
  root.end_unix_ns = wall.at(request.ended);
  root.attributes = attributes_of(request);
  if (request.status >= 500) root.error = "status " + std::to_string(request.status);
  const auto add_stage = [&](const char* name, TimePoint from, TimePoint to) {
    if (from == TimePoint{}) return;
    Span& stage = spans.emplace_back();
    stage.name = name;
    stage.context = begin_span(context_);
    stage.parent = context_.span_id;
    stage.start_unix_ns = wall.at(from);
    stage.end_unix_ns = wall.at(to == TimePoint{} ? request.ended : to);
  };
  for (const TracedGeneration& generation : request.generations) {
    const RequestTiming& t = generation.timing;
    add_stage("queue", t.arrived, t.scheduled);
    add_stage("prefill", t.scheduled, t.first_token);
    add_stage("decode", t.first_token, t.finished);
  }
  return spans;
}

}  // namespace trivet
