// POST /v1/chat/completions after parsing.
#ifndef TRIVET_API_OPENAI_CHAT_CALL_H_
#define TRIVET_API_OPENAI_CHAT_CALL_H_

#include "api/openai/chat_request.h"
#include "api/openai/generation.h"

namespace trivet {

class ChatCall final : public OpenAiCall {
 public:
  ChatCall(ChatRequest request, const ServedModel& model, const CallContext& context);
  std::string body() const override;

 protected:
  void write_news(std::string& out, Generation& generation, int index,
                  const SequenceOutput& news) override;
  std::string_view chunk_object() const override { return "chat.completion.chunk"; }
  bool shows_prompt() const override { return common_.return_token_ids; }

 private:
  // The first chunk of every choice: the role, then what is echoed.
  void write_roles(std::string& out, Generation& generation);
  void write_role(std::string& out, const Generation& generation, size_t index) const;
  void write_echo(std::string& out, size_t index) const;
  // Opens a chunk down to the delta of its only choice.
  void begin_chunk(JsonWriter& writer, size_t index) const;
  // What the news of a choice add to its message.
  MessageDelta read_news(size_t index, const SequenceOutput& news, bool finished);
  static void write_delta(JsonWriter& writer, const MessageDelta& delta);
  void write_choice(JsonWriter& writer, const Choice& choice, int index) const;
  // Returns whether the message calls tools.
  bool write_message(JsonWriter& writer, const Choice& choice, int index) const;
  void write_logprobs(JsonWriter& writer, std::span<const PositionLogprobs> positions) const;

  const bool wants_logprobs_;
  const int top_logprobs_;
  const std::string role_;
  const std::string echoed_;
  const std::string id_seed_;  // of tool calls
  const std::shared_ptr<const MessageFormat> format_;
  std::vector<std::unique_ptr<MessageParser>> parsers_;  // streams: one per choice
};

}  // namespace trivet

#endif  // TRIVET_API_OPENAI_CHAT_CALL_H_
