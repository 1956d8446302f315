// POST /completion and /infill after parsing.
#ifndef TRIVET_API_LLAMA_CPP_NATIVE_CALL_H_
#define TRIVET_API_LLAMA_CPP_NATIVE_CALL_H_

#include <string>
#include <vector>

#include "api/answers_call.h"
#include "api/json_writer.h"
#include "api/llama_cpp/native_request.h"

namespace trivet {

struct NativePrompt {
  std::vector<TokenId> tokens;
  GenerationParams params;
};

// One answer for one prompt, an array for several. A stream ends with the whole answer but its
// text.
class NativeCall final : public AnswersCall {
 public:
  // `is_array`: the answer is an array even for one prompt.
  NativeCall(std::vector<NativePrompt> prompts, bool is_array, const NativeRequest& request,
             const ServedModel& model, const CallContext& context);
  std::string body() const override;
  std::string encode_error_body(const ApiError& error) const override;
  std::string encode_error_event(const ApiError& error) const override;

 protected:
  void take(std::string& out, size_t index, const SequenceOutput& news) override;
  void finish(std::string& out, size_t index) override;

 private:
  struct Answer {
    NativePrompt prompt;
    std::string text;
    std::vector<TokenId> tokens;
    std::vector<PositionLogprobs> logprobs;
    bool has_new_line = false;
  };

  void write_chunk(std::string& out, size_t index, const SequenceOutput& news) const;
  std::string answer_json(size_t index) const;
  void write_answer(JsonWriter& writer, size_t index) const;
  void write_stop(JsonWriter& writer, size_t index) const;
  void write_timings(JsonWriter& writer, size_t index) const;
  void write_probabilities(JsonWriter& writer, std::span<const PositionLogprobs> positions) const;

  const bool is_array_;
  const bool return_tokens_;
  const std::vector<std::string> response_fields_;
  const std::string model_name_;
  const Tokenizer& tokenizer_;
  std::vector<Answer> answers_;
};

// "generation_settings" of an answer and the defaults in /props. `max_tokens` -1 = no limit.
void write_generation_settings(JsonWriter& writer, const GenerationParams& params, bool stream);

}  // namespace trivet

#endif  // TRIVET_API_LLAMA_CPP_NATIVE_CALL_H_
