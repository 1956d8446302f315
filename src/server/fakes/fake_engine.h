// For tests: an engine that does what the test says, and calls in a trivial wire format.
#ifndef TRIVET_SERVER_FAKES_FAKE_ENGINE_H_
#define TRIVET_SERVER_FAKES_FAKE_ENGINE_H_

#include <algorithm>
#include <array>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "api/call.h"
#include "engine/engine.h"
#include "server/route.h"

namespace trivet {

// Thread-safe. Outputs come from the test (emit), cancel and drain.
class FakeEngine final : public Engine {
 public:
  explicit FakeEngine(OutputSink& sink) : sink_(sink) {}

  Result<void> submit(EngineRequest request) override {
    const std::lock_guard lock(mutex_);
    if (draining_) return Error(ErrorCode::kUnavailable, "draining");
    if (submits_left_ == 0) return Error(ErrorCode::kResourceExhausted, "the queue is full");
    --submits_left_;
    if (!live_.try_emplace(request.id, request).second) {
      return Error(ErrorCode::kAlreadyExists, request.id);
    }
    submitted_.push_back(std::move(request));
    changed_.notify_all();
    return {};
  }

  void cancel(const std::string& id) override {
    {
      const std::lock_guard lock(mutex_);
      if (live_.erase(id) == 0) return;
      cancelled_.push_back(id);
      changed_.notify_all();
    }
    RequestOutput last = output(id, "", true);
    last.sequences[0].finish_reason = FinishReason::kAbort;
    deliver(std::move(last));
  }

  int abort(const std::vector<std::string>& calls, const std::string*) override {
    for (const std::string& id : calls) cancel(id);
    return static_cast<int>(calls.size());
  }

  void rest(EngineRest wanted, LiveRequests) override {
    const std::lock_guard lock(mutex_);
    rest_ = {.wanted = wanted, .reached = wanted};
  }
  RestState rest_state() const override {
    const std::lock_guard lock(mutex_);
    return rest_;
  }
  void forget_prefixes() override {}

  EngineStats stats() const override {
    const std::lock_guard lock(mutex_);
    EngineStats stats = stats_;
    stats.running += static_cast<int>(live_.size());
    return stats;
  }

  int drain(TimePoint deadline) override {
    std::unique_lock lock(mutex_);
    draining_ = true;
    changed_.notify_all();
    changed_.wait_until(lock, deadline, [this] { return live_.empty(); });
    const auto rest = std::exchange(live_, {});
    lock.unlock();
    for (const auto& [id, request] : rest) {
      RequestOutput last = output(id, "", true);
      last.sequences[0].finish_reason = FinishReason::kAbort;
      deliver(std::move(last));
    }
    return static_cast<int>(rest.size());
  }

  // --- for the test ---
  void emit(const std::string& id, const std::string& text, bool finished = false) {
    std::vector<RequestOutput> outputs;
    outputs.push_back(output(id, text, finished));
    emit(std::move(outputs));
  }
  // One step.
  void emit(std::vector<RequestOutput> outputs) {
    {
      const std::lock_guard lock(mutex_);
      for (const RequestOutput& output : outputs) {
        if (output.finished) live_.erase(output.request_id);
      }
      ++stats_.steps;
      changed_.notify_all();
    }
    sink_.deliver(std::move(outputs));
  }
  void fail(const std::string& id, ErrorCode code, const std::string& message) {
    RequestOutput last = output(id, "", true);
    last.sequences.clear();
    last.error = Error(code, message);
    std::vector<RequestOutput> outputs;
    outputs.push_back(std::move(last));
    emit(std::move(outputs));
  }
  static RequestOutput output(const std::string& id, const std::string& text, bool finished) {
    RequestOutput output;
    output.request_id = id;
    SequenceOutput sequence;
    sequence.text = text;
    if (!text.empty()) sequence.tokens.push_back(7);
    if (finished) sequence.finish_reason = FinishReason::kStop;
    output.sequences.push_back(std::move(sequence));
    output.finished = finished;
    output.usage = {.prompt_tokens = 3, .cached_tokens = 2, .completion_tokens = 1};
    const TimePoint now = SteadyClock().now();
    output.timing = {.arrived = now, .scheduled = now, .first_token = now};
    if (finished) output.timing.finished = now;
    return output;
  }

  // Waits until that many requests were ever submitted / cancelled; false after 20 s.
  bool wait_for_submitted(size_t count) {
    return wait([&] { return submitted_.size() >= count; });
  }
  bool wait_for_cancelled(size_t count) {
    return wait([&] { return cancelled_.size() >= count; });
  }
  bool wait_for_drain() {
    return wait([&] { return draining_; });
  }
  std::vector<EngineRequest> submitted() const {
    const std::lock_guard lock(mutex_);
    return submitted_;
  }
  std::vector<std::string> cancelled() const {
    const std::lock_guard lock(mutex_);
    return cancelled_;
  }
  std::vector<EngineRequest> live_requests() const {
    const std::lock_guard lock(mutex_);
    std::vector<EngineRequest> requests;
    for (const auto& [id, request] : live_) requests.push_back(request);
    return requests;
  }
  size_t live() const {
    const std::lock_guard lock(mutex_);
    return live_.size();
  }
  void accept_only(int submits) {
    const std::lock_guard lock(mutex_);
    submits_left_ = submits;
  }
  void set_stats(const EngineStats& stats) {
    const std::lock_guard lock(mutex_);
    stats_ = stats;
  }

 private:
  template <class Condition>
  bool wait(Condition condition) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(20), condition);
  }
  void deliver(RequestOutput output) {
    std::vector<RequestOutput> outputs;
    outputs.push_back(std::move(output));
    sink_.deliver(std::move(outputs));
  }

  OutputSink& sink_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, EngineRequest> live_;
  std::vector<EngineRequest> submitted_;
  std::vector<std::string> cancelled_;
  EngineStats stats_;
  int submits_left_ = 1 << 30;
  bool draining_ = false;
  RestState rest_;
};

// Body: "prompts=N" (1 to 9, default 1) "stream" and "odd" (has fields to ignore) anywhere in it.
// Streams "data: TEXT\n\n" and at last "data: [DONE]\n\n"; otherwise answers all text in one piece.
class FakeCall : public GenerationCall {
 public:
  FakeCall(std::string_view body, const CallContext& context)
      : streamed_(body.find("stream") != std::string_view::npos) {
    const size_t count = body.find("prompts=");
    if (count != std::string_view::npos && count + 8 < body.size()) {
      const char digit = body[count + 8];
      if (digit >= '1' && digit <= '9') live_ = static_cast<size_t>(digit - '0');
    }
    for (size_t i = 0; i < live_; ++i) {
      EngineRequest request;
      request.id = context.request_id + "-" + std::to_string(i);
      request.tenant = context.tenant;
      request.stream = streamed_;
      request.prompt = {1, 2, 3};
      requests_.push_back(std::move(request));
    }
  }

  std::vector<EngineRequest> take_requests() override { return std::move(requests_); }
  bool streamed() const override { return streamed_; }
  std::string encode(const RequestOutput& output) override {
    usage_ = output.usage;
    if (output.finished) --live_;
    if (output.error) error_ = to_api_error(*output.error);
    std::string text;
    for (const SequenceOutput& sequence : output.sequences) text += sequence.text;
    if (!streamed_) {
      text_ += text;
      return {};
    }
    std::string bytes;
    if (!text.empty()) bytes = "data: " + text + "\n\n";
    if (output.error) bytes += "data: " + encode_error(*error_) + "\n\n";
    if (done()) bytes += "data: [DONE]\n\n";
    return bytes;
  }
  bool done() const override { return live_ == 0; }
  const std::optional<ApiError>& error() const override { return error_; }
  std::string body() const override { return text_; }
  RequestUsage usage() const override { return usage_; }

 private:
  bool streamed_;
  size_t live_ = 1;
  std::vector<EngineRequest> requests_;
  std::optional<ApiError> error_;
  std::string text_;
  RequestUsage usage_;
};

inline std::string encode_bare_error(const ApiError& error) { return "bare: " + error.message; }

// The same in a wire format that is not SSE.
class FakeLinesCall final : public FakeCall {
 public:
  using FakeCall::FakeCall;
  std::string_view stream_content_type() const override { return "application/x-ndjson"; }
  std::string_view stream_ping() const override { return ""; }
  std::string encode_error_body(const ApiError& error) const override {
    return encode_bare_error(error);
  }
  std::string encode_error_event(const ApiError& error) const override {
    return encode_bare_error(error) + "\n";
  }
};

inline Answer fake_lines(const RouteCall& call) {
  if (call.body.find("invalid") != std::string_view::npos) {
    return error_response(to_api_error(Error(ErrorCode::kInvalidArgument, "the body is invalid")));
  }
  return EngineCall{std::make_unique<FakeLinesCall>(call.body, call.context)};
}

inline Answer fake_generation(const RouteCall& call) {
  if (call.body.find("invalid") != std::string_view::npos) {
    return error_response(to_api_error(Error(ErrorCode::kInvalidArgument, "the body is invalid")));
  }
  EngineCall answer{std::make_unique<FakeCall>(call.body, call.context)};
  if (call.body.find("odd") != std::string_view::npos) answer.ignored_fields = {"odd", "o\n{}"};
  return answer;
}

inline Answer fake_echo(const RouteCall& call) {
  HttpResponse response;
  response.content_type = "text/plain";
  response.body = std::string(call.path_parameter) + "|" + std::string(call.body);
  if (!call.query.empty()) response.body += "?" + std::string(call.query);
  return response;
}

// "/generate" and "/lines" go to the engine, "/echo/{rest}" gives back what was sent, "/open" needs
// no key.
inline std::span<const Route> fake_routes() {
  static const auto routes = std::to_array<Route>({
      {.method = "POST",
       .path = "/generate",
       .answer = fake_generation,
       .needs_model = true,
       .generates = true},
      {.method = "POST",
       .path = "/lines",
       .answer = fake_lines,
       .needs_model = true,
       .generates = true,
       .error_body = encode_bare_error},
      {.method = "POST", .path = "/echo/{rest}", .answer = fake_echo},
      {.method = "GET", .path = "/echo/{rest}", .answer = fake_echo},
      {.method = "GET", .path = "/open", .answer = fake_echo, .is_open = true},
  });
  return routes;
}

}  // namespace trivet

#endif  // TRIVET_SERVER_FAKES_FAKE_ENGINE_H_
