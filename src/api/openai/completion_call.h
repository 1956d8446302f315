// POST /v1/completions after parsing.
#ifndef TRIVET_API_OPENAI_COMPLETION_CALL_H_
#define TRIVET_API_OPENAI_COMPLETION_CALL_H_

#include "api/openai/generation.h"

namespace trivet {

struct CompletionPrompt {
  std::vector<TokenId> tokens;
  std::string text;  // filled only if it is echoed
  GenerationParams params;
};

struct CompletionRequest {
  CommonRequest common;
  std::optional<int> logprobs;  // as the client asked; the engine may be asked for more
  std::optional<int> prompt_logprobs;
  std::vector<CompletionPrompt> prompts;
};

// Choice k of prompt i has the index i * n + k.
class CompletionCall final : public OpenAiCall {
 public:
  CompletionCall(CompletionRequest request, const ServedModel& model, const CallContext& context);
  std::string body() const override;

 protected:
  void write_news(std::string& out, Generation& generation, int index,
                  const SequenceOutput& news) override;
  std::string_view chunk_object() const override { return "text_completion"; }
  bool shows_prompt() const override { return common_.echo || common_.return_token_ids; }

 private:
  void write_choice(JsonWriter& writer, const Generation& generation, const Choice& choice,
                    int index) const;
  // Of the echoed prompt, if `echoed`, and the tokens.
  void write_logprobs(JsonWriter& writer, const Generation& generation, bool echoed,
                      std::span<const TokenId> tokens,
                      std::span<const std::optional<PositionLogprobs>> positions,
                      size_t& offset) const;
  int first_index(const Generation& generation) const;

  const std::optional<int> logprob_count_;
  const std::optional<int> prompt_logprob_count_;
};

}  // namespace trivet

#endif  // TRIVET_API_OPENAI_COMPLETION_CALL_H_
