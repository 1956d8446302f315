// A vocabulary as GGUF files carry it, before it becomes a tokenizer.
#ifndef TRIVET_TEXT_VOCABULARY_H_
#define TRIVET_TEXT_VOCABULARY_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"

namespace trivet {

// Types of tokens as GGUF numbers them (tokenizer.ggml.token_type).
enum class TokenType : int32_t {
  kNormal = 1,
  kUnknown = 2,
  kControl = 3,
  kUserDefined = 4,
  kUnused = 5,
  kByte = 6,
};

struct Vocabulary {
  std::string name;   // general.name: some models have rules that no other field tells
  std::string model;  // tokenizer.ggml.model: "gpt2" (byte-level BPE) or "llama" (SentencePiece)
  std::string pre;    // tokenizer.ggml.pre: which pre-tokenizer a "gpt2" vocabulary uses
  std::vector<std::string> tokens;
  std::vector<float> scores;        // "llama" only; empty = all 0
  std::vector<TokenType> types;     // empty = all normal
  std::vector<std::string> merges;  // "gpt2" only: "left right"
  std::optional<TokenId> bos, eos, eot, unknown, padding;
  std::optional<bool> add_bos, add_eos, add_space_prefix;  // absent = the tokenizer model's default
};

}  // namespace trivet

#endif  // TRIVET_TEXT_VOCABULARY_H_
