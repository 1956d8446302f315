// What both kinds of calls do alike: keeping track of requests and choices, ending streams,
// counting.
#ifndef TRIVET_API_OPENAI_GENERATION_H_
#define TRIVET_API_OPENAI_GENERATION_H_

#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "api/call.h"
#include "api/json_writer.h"
#include "api/openai/logprobs_json.h"
#include "api/openai/request_fields.h"

namespace trivet {

struct Choice {
  std::string text;  // not kept in streams, as are the next two
  std::vector<TokenId> tokens;
  std::vector<std::optional<PositionLogprobs>> logprobs;
  FinishReason finish_reason = FinishReason::kNone;
  std::variant<std::monostate, TokenId, std::string> stop_reason;
  bool started = false;    // streams: its first chunk is out
  bool ended = false;      // streams: its last chunk is out
  size_t text_offset = 0;  // characters of tokens written, for log-probabilities
};

// One prompt on its way.
struct Generation {
  std::vector<TokenId> prompt;  // kept only if the answer shows it
  std::string prompt_text;      // to be echoed
  std::vector<Choice> choices;
  std::vector<std::optional<PositionLogprobs>> prompt_logprobs;
  RequestUsage usage;
  bool finished = false;
};

// How answers are labelled.
struct AnswerLabel {
  std::string id;
  std::string model;
  int64_t created = 0;
};

class OpenAiCall : public GenerationCall {
 public:
  std::vector<EngineRequest> take_requests() override { return std::move(requests_); }
  bool streamed() const override { return common_.stream; }
  bool wants_resumable_stream() const override { return common_.resumable; }
  std::string encode(const RequestOutput& output) override;
  bool done() const override { return done_; }
  const std::optional<ApiError>& error() const override { return error_; }
  RequestUsage usage() const override;

 protected:
  OpenAiCall(CommonRequest common, AnswerLabel label, const ServedModel& model);

  // `generation.choices` are made here. `request.id` and what all requests share are filled in.
  void add(EngineRequest request, Generation generation, const CallContext& context,
           std::string_view id_prefix);

  // Appends the events for news of one choice; `choice` has its finish reason already.
  virtual void write_news(std::string& out, Generation& generation, int index,
                          const SequenceOutput& news) = 0;
  virtual std::string_view chunk_object() const = 0;
  virtual bool shows_prompt() const = 0;  // prompts are kept for the answer

  // {"id", "object", "created", "model" of an answer or chunk; the caller goes on.
  void begin_answer(JsonWriter& writer, std::string_view object) const;
  // "finish_reason", and if the choice has finished or `always`, "stop_reason". A choice that
  // stopped after it called tools finishes with "tool_calls".
  static void write_finish(JsonWriter& writer, const Choice& choice, bool always,
                           bool called_tools = false);
  static void write_tokens(JsonWriter& writer, std::span<const TokenId> tokens);
  // "usage" of a whole answer, with details.
  void write_usage(JsonWriter& writer) const;
  // "usage" of a chunk, where running totals were asked for.
  void write_running_usage(JsonWriter& writer, bool before_first_token = false) const;

  const CommonRequest common_;
  const AnswerLabel label_;
  const Tokenizer& tokenizer_;
  const LogprobsWriter logprobs_;
  std::vector<Generation> generations_;

 private:
  void note(Generation& generation, const RequestOutput& output);
  void note_news(Generation& generation, const SequenceOutput& news);
  std::string fail(const Error& error);
  std::string stream(Generation& generation, const RequestOutput& output);
  void close_choices(std::string& out, Generation& generation);
  std::string end_of_stream() const;

  std::vector<EngineRequest> requests_;
  std::unordered_map<std::string, size_t> by_id_;
  size_t finished_ = 0;
  bool done_ = false;
  std::optional<ApiError> error_;
};

// One server-sent event.
void begin_event(std::string& out);
void end_event(std::string& out);

}  // namespace trivet

#endif  // TRIVET_API_OPENAI_GENERATION_H_
