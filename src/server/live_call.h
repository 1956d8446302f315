// One generation call while the engine works on it.
#ifndef TRIVET_SERVER_LIVE_CALL_H_
#define TRIVET_SERVER_LIVE_CALL_H_

#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "api/call.h"
#include "server/engine_bridge.h"
#include "server/guard/key_guard.h"
#include "server/lane.h"
#include "server/request_trace.h"
#include "telemetry/metrics.h"

namespace trivet {

// Where calls go and who counts them.
struct EngineAccess {
  EngineBridge& bridge;
  Engine& engine;
  Metrics* metrics = nullptr;
  KeyGuard* keys = nullptr;      // not null where calls have tickets
  const Clock* clock = nullptr;  // not null with `traces`
  bool traces = false;           // traced() is filled
  bool logs_text = false;        // logged_text() is filled
};

// Owns the call's engine requests: whatever happens to the call, they end. One I/O thread.
class LiveCall {
 public:
  // `added_priority`: to the priority of its requests. `ticket`, if there is one, must live until
  // submit() has returned; its limits and priority apply.
  LiveCall(const EngineAccess& access, std::shared_ptr<Lane> lane, OutputReceiver& receiver,
           std::unique_ptr<GenerationCall> call, KeyTicket* ticket = nullptr,
           int added_priority = 0);
  ~LiveCall();  // cancel()
  LiveCall(const LiveCall&) = delete;
  LiveCall& operator=(const LiveCall&) = delete;

  // `ticket`, if there is one, must live until submit() has returned. Its limits and priority
  // apply. Gives all requests of the call to the engine, to end by `deadline`. If one is refused,
  // the earlier ones are cancelled. kAlreadyExists: one of the ids is in use.
  Result<void> submit(TimePoint deadline);
  // Ends all requests that are still live; their outputs are dropped.
  void cancel();

  // Takes an output; what it returns goes to the client now (nothing if the call is not streamed).
  std::string take(const RequestOutput& output, TimePoint delivered);

  bool streamed() const { return call_->streamed(); }
  bool done() const { return call_->done(); }
  std::string body() const { return call_->body(); }
  GenerationCall& call() { return *call_; }
  std::string_view stream_content_type() const { return call_->stream_content_type(); }
  std::string_view stream_ping() const { return call_->stream_ping(); }
  std::string encode_error_body(const ApiError& error) const {
    return call_->encode_error_body(error);
  }
  std::string encode_error_event(const ApiError& error) const {
    return call_->encode_error_event(error);
  }
  // After submit() failed: the limit of the key that was in the way; null = something else.
  const LimitRefusal* refusal() const { return refusal_ ? &*refusal_ : nullptr; }
  // Whether usage() is all that was used.
  bool usage_is_known() const { return done() || streamed(); }
  // One per prompt, as far as each has got.
  const std::vector<TracedGeneration>& traced() const { return traced_; }
  // The answer's text as far as it is known, if the server logs prompts.
  const std::string& logged_text() const { return logged_text_; }
  // The first thing that went wrong; null = nothing so far.
  const ApiError* failure() const;
  RequestUsage usage() const { return call_->usage(); }
  // "stop", "length", "abort" or the error's name; of the request that ended last.
  const std::string& finish() const { return finish_; }
  std::optional<TimePoint> first_token() const { return first_token_; }
  std::optional<double> per_token_seconds() const { return per_token_seconds_; }

 private:
  struct Progress {
    bool streamed = false;
    int choices = 1;
    std::optional<TimePoint> last_tokens;  // delivery of the newest tokens
    size_t place = 0;                      // in traced_
  };
  Result<void> reserve(const std::vector<EngineRequest>& requests);
  Result<void> submit_one(EngineRequest request);
  void note_tokens(Progress& progress, const RequestOutput& output, TimePoint delivered);
  void note_end(const Progress& progress, const RequestOutput& output);

  const EngineAccess access_;
  std::shared_ptr<Lane> lane_;
  OutputReceiver& receiver_;
  std::unique_ptr<GenerationCall> call_;
  KeyTicket* const ticket_;
  std::optional<LimitRefusal> refusal_;
  std::string logged_text_;
  std::vector<TracedGeneration> traced_;
  const int added_priority_;
  std::unordered_map<std::string, Progress> live_;  // by request id
  std::optional<ApiError> engine_failure_;
  std::string finish_;
  std::optional<TimePoint> first_token_;
  std::optional<double> per_token_seconds_;
};

}  // namespace trivet

#endif  // TRIVET_SERVER_LIVE_CALL_H_
