#include "server/engine_telemetry.h"

#include <algorithm>

namespace trivet {
namespace {

RequestEnd end_of(const RequestOutput& last) {
  if (last.error) {
    return last.error->code() == ErrorCode::kCancelled ? RequestEnd::kAbort : RequestEnd::kError;
  }
  if (last.sequences.empty()) return RequestEnd::kAbort;
  switch (last.sequences.back().finish_reason) {
    case FinishReason::kStop:
      return RequestEnd::kStop;
    case FinishReason::kLength:
      return RequestEnd::kLength;
    case FinishReason::kNone:
    case FinishReason::kAbort:
      break;
  }
  return RequestEnd::kAbort;
}

}  // namespace

std::optional<double> stage_seconds(TimePoint from, TimePoint to) {
  if (from == TimePoint{} || to == TimePoint{}) return std::nullopt;
  return std::max(0.0, seconds_between(from, to));
}

std::optional<double> seconds_per_output_token(const RequestTiming& timing, int completion_tokens,
                                               int choices) {
  const int gaps = completion_tokens / std::max(choices, 1) - 1;
  const std::optional<double> decode = stage_seconds(timing.first_token, timing.finished);
  if (!decode || gaps <= 0) return std::nullopt;
  return *decode / gaps;
}

void EngineTelemetry::on_step(const EngineStats& stats, int rows, double seconds) {
  StepSample sample;
  sample.running = stats.running;
  sample.waiting = stats.waiting;
  if (stats.kv_blocks_total > 0) {
    sample.kv_usage = 1.0 - static_cast<double>(stats.kv_blocks_free) / stats.kv_blocks_total;
  }
  sample.prefix_query_tokens = stats.prefix_queries_tokens;
  sample.prefix_hit_tokens = stats.prefix_hits_tokens;
  sample.preemptions = stats.preemptions;
  sample.prompt_tokens = stats.prompt_tokens;
  sample.generated_tokens = stats.generated_tokens;
  sample.rows = rows;
  sample.seconds = seconds;
  sample.kv_blocks_total = stats.kv_blocks_total;
  sample.kv_blocks_free = stats.kv_blocks_free;
  metrics_.on_step(sample);
}

void EngineTelemetry::on_finish(const RequestOutput& last, const EngineRequest& request) {
  const RequestTiming& timing = last.timing;
  RequestSample sample;
  sample.end = end_of(last);
  sample.total = stage_seconds(timing.arrived, timing.finished).value_or(0.0);
  sample.queue = stage_seconds(timing.arrived, timing.scheduled);
  sample.to_first_token = stage_seconds(timing.arrived, timing.first_token);
  sample.prefill = stage_seconds(timing.scheduled, timing.first_token);
  sample.decode = stage_seconds(timing.first_token, timing.finished);
  sample.inference = stage_seconds(timing.scheduled, timing.finished);
  sample.per_output_token =
      seconds_per_output_token(timing, last.usage.completion_tokens, request.params.n);
  sample.prompt_tokens = last.usage.prompt_tokens;
  sample.cached_tokens = last.usage.cached_tokens;
  sample.generated_tokens = last.usage.completion_tokens;
  sample.n = request.params.n;
  sample.max_tokens = request.params.max_tokens;
  sample.key = request.tenant;
  metrics_.on_request_end(sample);
}

}  // namespace trivet
