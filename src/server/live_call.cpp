#include "server/live_call.h"

#include <algorithm>
#include <climits>

#include "server/engine_telemetry.h"

namespace trivet {
namespace {

// What a choice without max_tokens is counted as until its length is known.
constexpr int64_t kUnboundedTokens = 256;

int64_t most_tokens(const EngineRequest& request) {
  const int64_t answer = request.params.max_tokens ? *request.params.max_tokens : kUnboundedTokens;
  return static_cast<int64_t>(request.prompt.size()) + answer * request.params.n;
}

std::string_view finish_name(FinishReason reason) {
  switch (reason) {
    case FinishReason::kStop:
      return "stop";
    case FinishReason::kLength:
      return "length";
    case FinishReason::kAbort:
      return "abort";
    case FinishReason::kNone:
      break;
  }
  return "";
}

}  // namespace

LiveCall::LiveCall(const EngineAccess& access, std::shared_ptr<Lane> lane, OutputReceiver& receiver,
                   std::unique_ptr<GenerationCall> call, KeyTicket* ticket, int added_priority)
    : access_(access),
      lane_(std::move(lane)),
      receiver_(receiver),
      call_(std::move(call)),
      ticket_(ticket),
      added_priority_(added_priority) {}

LiveCall::~LiveCall() { cancel(); }

Result<void> LiveCall::submit(TimePoint deadline) {
  std::vector<EngineRequest> requests = call_->take_requests();
  if (requests.empty()) return Error(ErrorCode::kInternal, "the call has no prompt for the engine");
  TRIVET_RETURN_IF_ERROR(reserve(requests));
  for (EngineRequest& request : requests) {
    if (ticket_ != nullptr)
      request.priority = std::max(request.priority, ticket_->policy().priority);
    request.deadline = std::min(request.deadline.value_or(deadline), deadline);
    request.priority = static_cast<int>(
        std::clamp<int64_t>(int64_t{request.priority} + added_priority_, INT_MIN, INT_MAX));
    Result<void> submitted = submit_one(std::move(request));
    if (submitted.ok()) continue;
    cancel();
    return submitted;
  }
  return {};
}

Result<void> LiveCall::reserve(const std::vector<EngineRequest>& requests) {
  if (ticket_ == nullptr) return {};
  int64_t tokens = 0;
  for (const EngineRequest& request : requests) tokens += most_tokens(request);
  refusal_ = ticket_->reserve(tokens);
  if (!refusal_) return {};
  access_.keys->count_refusal(ticket_->policy(), refusal_->reason);
  return Error(ErrorCode::kResourceExhausted, refusal_->message);
}

Result<void> LiveCall::submit_one(EngineRequest request) {
  const std::string id = request.id;
  const Progress progress{
      .streamed = request.stream, .choices = request.params.n, .place = traced_.size()};
  if (access_.traces) {
    traced_.push_back({.timing = {.arrived = access_.clock->now()},
                       .max_tokens = request.params.max_tokens,
                       .temperature = request.params.temperature,
                       .top_p = request.params.top_p,
                       .n = request.params.n});
  }
  // Claimed first: the first output may come before submit() returns.
  if (!access_.bridge.claim(id, lane_)) {
    return Error(ErrorCode::kAlreadyExists, "a request with the id " + id + " is still running");
  }
  Result<void> submitted = access_.engine.submit(std::move(request));
  if (!submitted.ok()) {
    access_.bridge.release(id);
    return submitted;
  }
  lane_->connect(id, &receiver_);
  live_.emplace(id, progress);
  return {};
}

void LiveCall::cancel() {
  for (const auto& [id, progress] : live_) {
    lane_->disconnect(id);
    access_.engine.cancel(id);
  }
  live_.clear();
}

std::string LiveCall::take(const RequestOutput& output, TimePoint delivered) {
  const auto found = live_.find(output.request_id);
  if (found == live_.end()) return {};
  note_tokens(found->second, output, delivered);
  if (found->second.place < traced_.size()) {
    traced_[found->second.place].timing = output.timing;
    traced_[found->second.place].usage = output.usage;
  }
  if (access_.logs_text) {
    for (const SequenceOutput& sequence : output.sequences) logged_text_ += sequence.text;
  }
  if (output.finished) {
    note_end(found->second, output);
    live_.erase(found);
  }
  return call_->encode(output);
}

void LiveCall::note_tokens(Progress& progress, const RequestOutput& output, TimePoint delivered) {
  if (!first_token_ && output.timing.first_token != TimePoint{}) {
    first_token_ = output.timing.first_token;
  }
  const bool has_tokens = std::any_of(output.sequences.begin(), output.sequences.end(),
                                      [](const SequenceOutput& s) { return !s.tokens.empty(); });
  if (!has_tokens || !progress.streamed || access_.metrics == nullptr) return;
  if (progress.last_tokens) {
    access_.metrics->on_token_gap(std::max(0.0, seconds_between(*progress.last_tokens, delivered)));
  }
  progress.last_tokens = delivered;
}

void LiveCall::note_end(const Progress& progress, const RequestOutput& output) {
  if (output.error) {
    finish_ = error_code_name(output.error->code());
    if (!engine_failure_) engine_failure_ = to_api_error(*output.error);
  } else if (!output.sequences.empty()) {
    finish_ = finish_name(output.sequences.back().finish_reason);
  }
  const int tokens = output.usage.completion_tokens;
  per_token_seconds_ = seconds_per_output_token(output.timing, tokens, progress.choices);
  if (!progress.streamed && per_token_seconds_ && access_.metrics != nullptr) {
    // Nobody saw the single gaps of an answer that comes in one piece: their mean stands for each.
    access_.metrics->on_token_gap(*per_token_seconds_, tokens - progress.choices);
  }
}

const ApiError* LiveCall::failure() const {
  if (call_->error()) return &*call_->error();
  return engine_failure_ ? &*engine_failure_ : nullptr;
}

}  // namespace trivet
