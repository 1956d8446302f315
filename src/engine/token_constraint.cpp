#include "engine/token_constraint.h"

#include <string>
#include <utility>

#include "text/utf8.h"

namespace trivet {
namespace {

// Adds its life to a sum.
class DelayTimer {
 public:
  explicit DelayTimer(Duration& sum) : sum_(sum), begin_(std::chrono::steady_clock::now()) {}
  DelayTimer(const DelayTimer&) = delete;
  DelayTimer& operator=(const DelayTimer&) = delete;
  ~DelayTimer() {
    sum_ += std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now() - begin_);
  }

 private:
  Duration& sum_;
  const std::chrono::steady_clock::time_point begin_;
};

}  // namespace

TokenConstraint::TokenConstraint(std::unique_ptr<Grammar> grammar, const Tokenizer& tokenizer,
                                 std::span<const TokenId> end_tokens, int vocab_size,
                                 MaskWorker& worker)
    : grammar_(std::move(grammar)),
      tokenizer_(&tokenizer),
      end_token_(end_tokens.empty() ? TokenId{0} : end_tokens.front()),
      worker_(&worker),
      mask_((static_cast<size_t>(vocab_size) + 31) / 32) {
  prepare_later();
}

TokenConstraint::~TokenConstraint() {
  if (job_open_) worker_->finish(this);
}

Result<TokenId> TokenConstraint::choose(Sampler& sampler, std::span<float> logits, int64_t position,
                                        int remaining) {
  wait_for_worker();
  if (error_) return *error_;
  if (!forced_.empty()) return next_forced(remaining);
  return offer(sampler.sample(logits, position, mask_), remaining);
}

void TokenConstraint::wait_for_worker() {
  if (!std::exchange(job_open_, false)) return;
  const DelayTimer timer(delay_);
  worker_->finish(this);
}

Result<std::optional<TokenId>> TokenConstraint::take_forced(int remaining) {
  if (job_open_ || forced_.empty()) return std::optional<TokenId>();
  TRIVET_ASSIGN_OR_RETURN(const TokenId token, next_forced(remaining));
  return std::optional(token);
}

Result<TokenId> TokenConstraint::next_forced(int remaining) {
  const TokenId token = forced_.front();
  forced_.pop_front();
  if (!closing_) return offer(token, remaining);
  complete_ = forced_.empty();
  return token;
}

Result<TokenId> TokenConstraint::offer(TokenId token, int remaining) {
  const DelayTimer timer(delay_);
  TRIVET_ASSIGN_OR_RETURN(const Grammar::Offer answer, grammar_->accept_within(token, remaining));
  if (answer == Grammar::Offer::kForbidden) {
    return Error(ErrorCode::kInternal,
                 "The grammar does not take token " + std::to_string(token) + " of its own mask.");
  }
  if (answer == Grammar::Offer::kTooLong) {
    if (auto completion = grammar_->closing()) return close(*completion);
    TRIVET_RETURN_IF_ERROR(grammar_->accept({&token, 1}));
  }
  TRIVET_ASSIGN_OR_RETURN(complete_, grammar_->is_terminated());
  if (!complete_ && forced_.empty()) prepare_later();
  return token;
}

// What was still to be forced is how the completion begins.
TokenId TokenConstraint::close(const std::vector<TokenId>& completion) {
  closing_ = true;
  complete_ = completion.size() <= 1;
  if (completion.empty()) return end_token_;
  forced_.assign(completion.begin() + 1, completion.end());
  return completion.front();
}

void TokenConstraint::prepare_later() {
  job_open_ = true;
  worker_->submit(this, [this] { prepare(); });
}

void TokenConstraint::prepare() {
  Result<void> done = find_forced();
  if (done && forced_.empty()) done = grammar_->fill_mask(mask_);
  if (!done) error_ = done.error();
}

// The last token of the forced text is left to the model: it may write it as the beginning of a
// longer one.
Result<void> TokenConstraint::find_forced() {
  TRIVET_ASSIGN_OR_RETURN(const std::string bytes, grammar_->forced_bytes());
  if (bytes.size() < 2 || find_invalid_utf8(bytes)) return {};
  const auto tokens = tokenizer_->encode(bytes, {false, false});
  if (!tokens || tokens->size() < 2) return {};
  size_t at = 0;
  for (auto token = tokens->begin(); token + 1 != tokens->end(); ++token) {
    const std::string_view piece = tokenizer_->token_bytes(*token);
    if (!std::string_view(bytes).substr(at).starts_with(piece)) break;  // it adds a space
    at += piece.size();
    forced_.push_back(*token);
  }
  return {};
}

}  // namespace trivet
