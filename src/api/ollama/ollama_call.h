// POST /api/generate and /api/chat after parsing.
#ifndef TRIVET_API_OLLAMA_OLLAMA_CALL_H_
#define TRIVET_API_OLLAMA_OLLAMA_CALL_H_

#include <memory>
#include <string>
#include <vector>

#include "api/answers_call.h"
#include "api/json_writer.h"
#include "api/ollama/request_options.h"
#include "api/openai/logprobs_json.h"
#include "dialects/message_format.h"

namespace trivet {

enum class OllamaKind { kGenerate, kChat };

// One JSON object per line; tool calls are written whole, when they are complete.
class OllamaCall final : public AnswersCall {
 public:
  OllamaCall(OllamaKind kind, const OllamaRequest& request, EngineRequest engine_request,
             std::shared_ptr<const MessageFormat> format, const ServedModel& model,
             const CallContext& context);
  std::string body() const override;
  std::string_view stream_content_type() const override { return "application/x-ndjson"; }
  std::string_view stream_ping() const override { return {}; }
  std::string encode_error_body(const ApiError& error) const override;
  std::string encode_error_event(const ApiError& error) const override;

 protected:
  void take(std::string& out, size_t index, const SequenceOutput& news) override;
  void finish(std::string& out, size_t index) override;

 private:
  // What one line, or the whole answer, says.
  struct Said {
    std::string content, thinking;
    std::vector<ToolCallDelta> calls;  // complete ones
    std::vector<PositionLogprobs> logprobs;
    bool empty() const {
      return content.empty() && thinking.empty() && calls.empty() && logprobs.empty();
    }
  };

  void add(MessageDelta delta, Said& said);
  void write_said(JsonWriter& writer, const Said& said) const;
  void write_calls(JsonWriter& writer, const std::vector<ToolCallDelta>& calls) const;
  void write_end(JsonWriter& writer) const;
  void write_line(std::string& out, const Said& said, bool last) const;

  const OllamaKind kind_;
  const std::string model_name_;
  const std::string created_at_;
  const bool logprobs_wanted_;
  const int top_logprobs_;
  const LogprobsWriter logprobs_;
  const std::shared_ptr<const MessageFormat> format_;
  std::unique_ptr<MessageParser> parser_;
  std::vector<ToolCallDelta> open_calls_;  // at most one: still being written by the model
  Said whole_;                             // not streamed
  std::vector<TokenId> context_;           // generate: prompt and answer
};

}  // namespace trivet

#endif  // TRIVET_API_OLLAMA_OLLAMA_CALL_H_
