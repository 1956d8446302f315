// Everything a request can ask of generation: one value from the wire to the sampler.
#ifndef TRIVET_SAMPLING_GENERATION_PARAMS_H_
#define TRIVET_SAMPLING_GENERATION_PARAMS_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "base/result.h"

namespace trivet {

class Grammar;

inline constexpr int kAllLogprobs = -1;  // the whole vocabulary

struct GenerationParams {
  int n = 1;
  std::optional<uint64_t>
      seed;  // choice k uses seed + k; absent = random, different for each request

  // Sampling. temperature 0 = greedy; top_k 0 or -1 = off; top_p, typical_p 1 = off; min_p 0 = off.
  float temperature = 1.0f;
  int top_k = 0;
  float top_p = 1.0f;
  float min_p = 0.0f;
  float typical_p = 1.0f;
  float presence_penalty = 0.0f;    // over generated tokens
  float frequency_penalty = 0.0f;   // over generated tokens
  float repetition_penalty = 1.0f;  // over prompt and generated tokens
  std::vector<std::pair<TokenId, float>> logit_bias;
  std::vector<TokenId> allowed_tokens;  // empty = all
  std::vector<TokenId> banned_tokens;
  std::vector<std::vector<TokenId>> bad_words;  // token sequences that must not be completed

  // Length and stopping. Stop strings and tokens end the sequence; the string itself is not part of
  // the text.
  std::optional<int>
      max_tokens;  // absent = until the context is full; 0 = only the prompt's logprobs
  int min_tokens = 0;
  bool ignore_eos = false;
  std::vector<std::string> stop;
  std::vector<TokenId> stop_tokens;
  bool include_stop_text = false;

  // What the text must be: state at the start, each choice clones it; null = free (text/grammar.h).
  // The end of the budget of tokens is kept free for completing the text.
  std::shared_ptr<const Grammar> grammar;

  // What comes back.
  std::optional<int> logprobs;         // top-n beside each chosen token, 0..20 or kAllLogprobs
  std::optional<int> prompt_logprobs;  // the same for the prompt
  bool skip_special_tokens = true;
};

struct GenerationLimits {
  int vocab_size = 0;
  int max_n = 128;
  int max_logprobs = 20;  // kAllLogprobs allowed only if this is kAllLogprobs
  int max_stop_strings = 16;
};

// kInvalidArgument naming the parameter, its value and its range.
Result<void> validate(const GenerationParams& params, const GenerationLimits& limits);

}  // namespace trivet

#endif  // TRIVET_SAMPLING_GENERATION_PARAMS_H_
