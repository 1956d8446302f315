// POST /v1/messages after parsing.
#ifndef TRIVET_API_ANTHROPIC_MESSAGE_CALL_H_
#define TRIVET_API_ANTHROPIC_MESSAGE_CALL_H_

#include <memory>
#include <string>
#include <vector>

#include "api/answers_call.h"
#include "api/json_writer.h"
#include "api/openai/chat_request.h"

namespace trivet {

// The answer is a list of content blocks; in a stream each is started, added to and stopped.
class MessageCall final : public AnswersCall {
 public:
  MessageCall(ChatRequest request, const ServedModel& model, const CallContext& context);
  std::string body() const override;
  std::string_view stream_ping() const override;
  std::string encode_error_body(const ApiError& error) const override;
  std::string encode_error_event(const ApiError& error) const override;

 protected:
  void take(std::string& out, size_t index, const SequenceOutput& news) override;
  void finish(std::string& out, size_t index) override;

 private:
  enum class BlockKind { kText, kThinking, kToolUse };
  struct Block {
    BlockKind kind;
    std::string text;  // of a tool: its arguments, JSON
    std::string tool_id, tool_name;
  };

  void start_message(std::string& out);
  void take_delta(std::string& out, const MessageDelta& delta);
  // Adds to the last block if it is of that kind, else to a new one.
  void add_text(std::string& out, BlockKind kind, std::string_view text);
  void add_tool_call(std::string& out, const ToolCallDelta& call);
  void start_block(std::string& out, Block block);
  void stop_block(std::string& out);
  void write_delta(std::string& out, std::string_view type, std::string_view name,
                   std::string_view text) const;
  void write_block(JsonWriter& writer, const Block& block) const;
  void write_message_head(JsonWriter& writer) const;
  void write_stop(JsonWriter& writer) const;
  void write_usage(JsonWriter& writer) const;

  const std::string id_;
  const std::string model_name_;
  const bool has_limit_;  // of tokens, that fits the context
  const std::shared_ptr<const MessageFormat> format_;
  std::unique_ptr<MessageParser> parser_;
  std::vector<Block> blocks_;
  int tool_index_ = -1;      // of the call that the last block holds
  bool block_open_ = false;  // streams
  bool started_ = false;     // streams
};

}  // namespace trivet

#endif  // TRIVET_API_ANTHROPIC_MESSAGE_CALL_H_
