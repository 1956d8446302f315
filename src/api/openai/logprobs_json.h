// Log-probabilities in the shapes of the OpenAI API.
#ifndef TRIVET_API_OPENAI_LOGPROBS_JSON_H_
#define TRIVET_API_OPENAI_LOGPROBS_JSON_H_

#include <optional>
#include <span>
#include <string>

#include "api/json_writer.h"
#include "sampling/sampler.h"
#include "text/tokenizer.h"

namespace trivet {

class LogprobsWriter {
 public:
  // `tokens_as_ids`: "token_id:7" in place of texts.
  LogprobsWriter(const Tokenizer& tokenizer, bool tokens_as_ids)
      : tokenizer_(&tokenizer), tokens_as_ids_(tokens_as_ids) {}

  // {"content": [{token, logprob, bytes, top_logprobs}]}; `top_n` of the best each, -1 = all there
  // are.
  void write_chat(JsonWriter& writer, std::span<const PositionLogprobs> positions, int top_n) const;
  // Only the array.
  void write_chat_list(JsonWriter& writer, std::span<const PositionLogprobs> positions,
                       int top_n) const;

  // {"text_offset", "token_logprobs", "tokens", "top_logprobs"} for tokens[i] with positions[i];
  // absent means nothing predicted the token. Offsets count characters from `offset`, which moves
  // on. The chosen token is always among the top ones. Where two tokens have the same text, the
  // more probable one stays.
  void write_completion(JsonWriter& writer, std::span<const TokenId> tokens,
                        std::span<const std::optional<PositionLogprobs>> positions,
                        size_t& offset) const;

  // [null, {"7": {"logprob", "rank", "decoded_token"}}, ...]
  void write_prompt(JsonWriter& writer,
                    std::span<const std::optional<PositionLogprobs>> positions) const;

 private:
  std::string text_of(TokenId token) const;
  void write_chat_entry(JsonWriter& writer, const TokenLogprob& entry) const;
  void write_top_object(JsonWriter& writer, const PositionLogprobs& position) const;
  void write_prompt_entry(JsonWriter& writer, const TokenLogprob& entry) const;

  const Tokenizer* tokenizer_;
  bool tokens_as_ids_;
};

}  // namespace trivet

#endif  // TRIVET_API_OPENAI_LOGPROBS_JSON_H_
