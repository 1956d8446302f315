// One sequence of a request: its tokens, its text, its place in the key/value memory.
#ifndef TRIVET_ENGINE_CHOICE_H_
#define TRIVET_ENGINE_CHOICE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "engine/engine.h"
#include "engine/stop_scanner.h"
#include "engine/token_constraint.h"
#include "kv/kv_cache.h"
#include "sampling/sampler.h"
#include "scheduler/scheduler.h"
#include "text/tokenizer.h"

namespace trivet {

// What all choices of a request have in common. Immutable while they live.
struct ChoiceRules {
  const EngineRequest* request = nullptr;
  const Tokenizer* tokenizer = nullptr;
  std::span<const TokenId> end_tokens;  // of the model
  const StopPatterns* stops = nullptr;
  uint64_t seed = 0;  // of choice 0
  int vocab_size = 0;
  int max_generated = 0;              // by max_tokens and the limit of the context
  MaskWorker* mask_worker = nullptr;  // of requests with a grammar
};

// Engine thread only. `rules` and `cache` must outlive it.
class Choice {
 public:
  Choice(const ChoiceRules& rules, int index, SequenceKey key, KvSequence kv);

  SequenceKey key() const { return key_; }
  int index() const { return index_; }
  // The prompt and what was generated.
  const std::vector<TokenId>& tokens() const { return tokens_; }
  int length() const { return static_cast<int>(tokens_.size()); }
  int generated() const { return length() - static_cast<int>(rules_->request->prompt.size()); }

  // Begins to prepare what the grammar, if there is one, lets it write; once, before the logits of
  // its first token are there.
  Result<void> start_constraint();
  // Chooses the next token from `logits`, which are used up. An error ends the request.
  Result<TokenId> sample(std::span<float> logits);
  // The next token where it needs no logits; nothing if it does, or if nobody knows yet.
  Result<std::optional<TokenId>> take_forced();
  // What the grammar has cost the engine thread so far.
  Duration constraint_delay() const { return constraint_ ? constraint_->delay() : Duration{}; }
  // Takes the token that one of them gave: text, stopping. `logprobs` if the request asks for them.
  void append(TokenId token, std::optional<PositionLogprobs> logprobs);
  // Ends it from outside; held text is let go.
  void finish(FinishReason reason);
  bool finished() const { return finished_; }

  // What came since the last call.
  bool has_news() const { return has_news_; }
  SequenceOutput take_news();

  KvSequence kv;

 private:
  // Whether the token ends the sequence, and says why in news_.
  bool is_stop(TokenId token);
  void add_text(std::string_view text, bool armed);
  bool take_stop_match();
  // Tokens that may follow the next one.
  int remaining() const { return rules_->max_generated - generated() - 1; }

  const ChoiceRules* rules_;
  const int index_;
  const SequenceKey key_;
  std::vector<TokenId> tokens_;
  std::unique_ptr<Sampler> sampler_;
  std::unique_ptr<TokenConstraint> constraint_;  // null: free, or not yet started
  TextStream text_;
  StopScanner scanner_;
  SequenceOutput news_;
  bool has_news_ = false;
  bool finished_ = false;
};

}  // namespace trivet

#endif  // TRIVET_ENGINE_CHOICE_H_
