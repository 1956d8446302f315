// What a grammar lets one sequence write, token by token, so that the text is complete when its
// budget of tokens is spent.
#ifndef TRIVET_ENGINE_TOKEN_CONSTRAINT_H_
#define TRIVET_ENGINE_TOKEN_CONSTRAINT_H_

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "base/result.h"
#include "engine/mask_worker.h"
#include "sampling/sampler.h"
#include "text/grammar.h"
#include "text/tokenizer.h"

namespace trivet {

// Engine thread only; the mask of the next step is made on the worker meanwhile. Which tokens come
// out depends on the logits, the grammar and the budget alone.
//
// - A token is drawn under the mask. It is taken if what the text then still needs fits the rest of
//   the budget. The first one that does not is dropped, and the shortest completion is written in
//   its place: the text is cut, but complete.
// - Tokens without an alternative are not drawn: they come as forced ones, which need no logits.
class TokenConstraint {
 public:
  // `grammar` at the start of the text. The references must outlive it.
  TokenConstraint(std::unique_ptr<Grammar> grammar, const Tokenizer& tokenizer,
                  std::span<const TokenId> end_tokens, int vocab_size, MaskWorker& worker);
  TokenConstraint(const TokenConstraint&) = delete;
  TokenConstraint& operator=(const TokenConstraint&) = delete;
  ~TokenConstraint();

  // The next token, of which `remaining` more may follow. kInvalidArgument: the grammar ran into
  // one of its limits; the sequence cannot go on.
  Result<TokenId> choose(Sampler& sampler, std::span<float> logits, int64_t position,
                         int remaining);
  // A token that needs no logits, if it is known already that one is next.
  Result<std::optional<TokenId>> take_forced(int remaining);

  // How long the engine thread has waited for the worker and followed the grammar.
  Duration delay() const { return delay_; }

  // Nothing may follow.
  bool complete() const { return complete_; }
  // It was completed because the budget ran out.
  bool closed_early() const { return closing_; }

 private:
  void wait_for_worker();
  void prepare_later();
  void prepare();  // on the worker
  Result<void> find_forced();
  Result<TokenId> next_forced(int remaining);
  Result<TokenId> offer(TokenId token, int remaining);
  TokenId close(const std::vector<TokenId>& completion);

  const std::unique_ptr<Grammar> grammar_;
  const Tokenizer* tokenizer_;
  const TokenId end_token_;
  MaskWorker* worker_;

  // The worker's while a job is open.
  std::vector<uint32_t> mask_;
  std::deque<TokenId> forced_;
  std::optional<Error> error_;

  Duration delay_{};
  bool job_open_ = false;
  bool closing_ = false;
  bool complete_ = false;
};

}  // namespace trivet

#endif  // TRIVET_ENGINE_TOKEN_CONSTRAINT_H_
