#include "api/openai/logprobs_json.h"

#include <algorithm>
#include <unordered_set>

namespace trivet {
namespace {

// JSON has no infinity: what is impossible has this value, as in vLLM.
constexpr float kFloor = -9999.0f;

float finite(float logprob) { return logprob >= kFloor ? logprob : kFloor; }

}  // namespace

std::string LogprobsWriter::text_of(TokenId token) const {
  if (tokens_as_ids_) return "token_id:" + std::to_string(token);
  return to_valid_utf8(tokenizer_->token_bytes(token));
}

void LogprobsWriter::write_chat_entry(JsonWriter& writer, const TokenLogprob& entry) const {
  writer.key("token").string(text_of(entry.token));
  writer.key("logprob").number(finite(entry.logprob));
  writer.key("bytes").begin_array();
  for (const char c : tokenizer_->token_bytes(entry.token)) {
    writer.integer(static_cast<unsigned char>(c));
  }
  writer.end_array();
}

void LogprobsWriter::write_chat(JsonWriter& writer, std::span<const PositionLogprobs> positions,
                                int top_n) const {
  writer.begin_object().key("content");
  write_chat_list(writer, positions, top_n);
  writer.end_object();
}

void LogprobsWriter::write_chat_list(JsonWriter& writer,
                                     std::span<const PositionLogprobs> positions, int top_n) const {
  writer.begin_array();
  for (const PositionLogprobs& position : positions) {
    writer.begin_object();
    write_chat_entry(writer, position.chosen);
    writer.key("top_logprobs").begin_array();
    const size_t count =
        top_n < 0 ? position.top.size() : std::min(position.top.size(), static_cast<size_t>(top_n));
    for (size_t i = 0; i < count; ++i) {
      writer.begin_object();
      write_chat_entry(writer, position.top[i]);
      writer.end_object();
    }
    writer.end_array().end_object();
  }
  writer.end_array();
}

void LogprobsWriter::write_top_object(JsonWriter& writer, const PositionLogprobs& position) const {
  std::unordered_set<std::string> written;
  const auto write = [&](const TokenLogprob& entry) {
    std::string text = text_of(entry.token);
    if (written.contains(text)) return;
    writer.key(text).number(finite(entry.logprob));
    written.insert(std::move(text));
  };
  writer.begin_object();
  for (const TokenLogprob& entry : position.top) write(entry);
  write(position.chosen);
  writer.end_object();
}

void LogprobsWriter::write_completion(JsonWriter& writer, std::span<const TokenId> tokens,
                                      std::span<const std::optional<PositionLogprobs>> positions,
                                      size_t& offset) const {
  const size_t count = std::min(tokens.size(), positions.size());
  writer.begin_object().key("text_offset").begin_array();
  for (size_t i = 0; i < count; ++i) {
    writer.integer(static_cast<int64_t>(offset));
    offset += count_characters(to_valid_utf8(tokenizer_->token_bytes(tokens[i])));
  }
  writer.end_array().key("token_logprobs").begin_array();
  for (size_t i = 0; i < count; ++i) {
    positions[i] ? writer.number(finite(positions[i]->chosen.logprob)) : writer.null();
  }
  writer.end_array().key("tokens").begin_array();
  for (size_t i = 0; i < count; ++i) writer.string(text_of(tokens[i]));
  writer.end_array().key("top_logprobs").begin_array();
  for (size_t i = 0; i < count; ++i) {
    if (positions[i]) {
      write_top_object(writer, *positions[i]);
    } else {
      writer.null();
    }
  }
  writer.end_array().end_object();
}

void LogprobsWriter::write_prompt_entry(JsonWriter& writer, const TokenLogprob& entry) const {
  writer.key(std::to_string(entry.token)).begin_object();
  writer.key("logprob").number(finite(entry.logprob));
  writer.key("rank").integer(entry.rank);
  writer.key("decoded_token").string(text_of(entry.token)).end_object();
}

void LogprobsWriter::write_prompt(
    JsonWriter& writer, std::span<const std::optional<PositionLogprobs>> positions) const {
  writer.begin_array();
  for (const auto& position : positions) {
    if (!position) {
      writer.null();
      continue;
    }
    writer.begin_object();
    write_prompt_entry(writer, position->chosen);
    for (const TokenLogprob& entry : position->top) {
      if (entry.token != position->chosen.token) write_prompt_entry(writer, entry);
    }
    writer.end_object();
  }
  writer.end_array();
}

}  // namespace trivet
