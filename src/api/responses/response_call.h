// POST /v1/responses after parsing.
#ifndef TRIVET_API_RESPONSES_RESPONSE_CALL_H_
#define TRIVET_API_RESPONSES_RESPONSE_CALL_H_

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/call.h"
#include "api/openai/chat_request.h"
#include "api/openai/logprobs_json.h"
#include "api/responses/output_items.h"
#include "api/responses/response_request.h"

namespace trivet {

// One response while it is made. In a stream the number of an event is its place in the stream,
// from 0, and the same request gives the same events again if it has a seed.
class ResponseCall final : public GenerationCall {
 public:
  // `id` begins with "resp_"; `created`: Unix seconds.
  ResponseCall(std::string id, int64_t created, ResponseRequest request, ChatRequest chat,
               const ServedModel& model, const CallContext& context);

  std::vector<EngineRequest> take_requests() override { return std::move(requests_); }
  bool streamed() const override { return request_.stream; }
  std::string encode(const RequestOutput& output) override;
  bool done() const override { return done_; }
  const std::optional<ApiError>& error() const override { return error_; }
  std::string body() const override { return object(); }
  RequestUsage usage() const override { return usage_; }
  std::string encode_error_event(const ApiError& error) const override;

  const std::string& id() const { return id_; }
  const ResponseRequest& request() const { return request_; }
  // "queued", "in_progress", "completed", "incomplete", "failed" or "cancelled".
  std::string_view status() const { return status_; }
  std::string object() const;  // JSON, as of now
  std::string turn() const;    // JSON array: the chat messages of this turn, answer included

  // The first events, of a stream; encode() gives them if nobody has asked before.
  std::string open();
  // The engine has accepted it; the same holds.
  std::string begin();
  // Ends it before the engine does; returns the last events.
  std::string cancel();
  std::string fail(const ApiError& error);

 private:
  void take_news(const SequenceOutput& news);
  std::string_view finish_status() const;
  std::string finish(std::string_view status);
  void tell(std::string_view type);
  void write_usage(JsonWriter& writer) const;
  std::string logprobs_of(const SequenceOutput& news) const;

  const std::string id_;
  const int64_t created_;
  const ResponseRequest request_;
  const std::string model_;
  const float temperature_, top_p_;
  const int top_logprobs_;
  const LogprobsWriter logprobs_;
  const std::shared_ptr<const MessageFormat> format_;
  std::unique_ptr<MessageParser> parser_;
  std::vector<EngineRequest> requests_;

  std::string_view status_ = "in_progress";
  ResponseEvents events_;
  OutputItems items_;
  bool opened_ = false, started_ = false, done_ = false;
  FinishReason finish_reason_ = FinishReason::kNone;
  std::optional<ApiError> error_;
  RequestUsage usage_;
  int reasoning_tokens_ = 0;
};

}  // namespace trivet

#endif  // TRIVET_API_RESPONSES_RESPONSE_CALL_H_
