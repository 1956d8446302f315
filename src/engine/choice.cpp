#include "engine/choice.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace trivet {
namespace {

// Enough for a tokenizer to know what stood before the first new token.
std::span<const TokenId> last_tokens(const std::vector<TokenId>& prompt) {
  return std::span(prompt).last(std::min<size_t>(prompt.size(), 8));
}

}  // namespace

Choice::Choice(const ChoiceRules& rules, int index, SequenceKey key, KvSequence sequence)
    : kv(std::move(sequence)),
      rules_(&rules),
      index_(index),
      key_(key),
      tokens_(rules.request->prompt),
      text_(*rules.tokenizer, last_tokens(rules.request->prompt),
            rules.request->params.skip_special_tokens),
      scanner_(*rules.stops) {
  news_.index = index;
}

Result<void> Choice::start_constraint() {
  const EngineRequest& request = *rules_->request;
  if (constraint_ || request.params.grammar == nullptr) return {};
  TRIVET_ASSIGN_OR_RETURN(auto grammar, request.params.grammar->clone());
  constraint_ =
      std::make_unique<TokenConstraint>(std::move(grammar), *rules_->tokenizer, rules_->end_tokens,
                                        rules_->vocab_size, *rules_->mask_worker);
  return {};
}

Result<TokenId> Choice::sample(std::span<float> logits) {
  if (!sampler_) {  // only now: queued requests are many, and counts of tokens may be large
    const EngineRequest& request = *rules_->request;
    sampler_ = Sampler::create(request.params, rules_->seed + static_cast<uint64_t>(index_),
                               request.prompt, rules_->end_tokens, rules_->vocab_size);
  }
  if (!constraint_) return sampler_->sample(logits, int64_t{length()}, {});
  return constraint_->choose(*sampler_, logits, int64_t{length()}, remaining());
}

Result<std::optional<TokenId>> Choice::take_forced() {
  if (!constraint_ || finished_) return std::optional<TokenId>();
  return constraint_->take_forced(remaining());
}

void Choice::append(TokenId token, std::optional<PositionLogprobs> logprobs) {
  TRIVET_CHECK(!finished_ && sampler_);
  const GenerationParams& params = rules_->request->params;
  sampler_->accept(token);
  tokens_.push_back(token);
  has_news_ = true;
  news_.tokens.push_back(token);
  if (logprobs) news_.logprobs.push_back(std::move(*logprobs));

  if (generated() >= params.min_tokens && is_stop(token)) {
    if (params.include_stop_text) add_text(text_.push(token), false);
    finish(FinishReason::kStop);
    return;
  }
  add_text(text_.push(token), generated() > params.min_tokens);
  if (take_stop_match()) return;
  if (constraint_ && constraint_->complete()) {
    finish(constraint_->closed_early() ? FinishReason::kLength : FinishReason::kStop);
  } else if (generated() >= rules_->max_generated) {
    finish(FinishReason::kLength);
  }
}

bool Choice::is_stop(TokenId token) {
  const GenerationParams& params = rules_->request->params;
  if (std::ranges::find(params.stop_tokens, token) != params.stop_tokens.end()) {
    news_.stop_reason = token;
    return true;
  }
  return !params.ignore_eos &&
         std::ranges::find(rules_->end_tokens, token) != rules_->end_tokens.end();
}

void Choice::add_text(std::string_view text, bool armed) {
  news_.text += scanner_.feed(text, armed);
}

bool Choice::take_stop_match() {
  if (scanner_.match() == nullptr) return false;
  if (rules_->request->params.include_stop_text) news_.text += *scanner_.match();
  news_.finish_reason = FinishReason::kStop;
  news_.stop_reason = *scanner_.match();
  finished_ = true;
  return true;
}

void Choice::finish(FinishReason reason) {
  if (finished_) return;
  has_news_ = true;
  // The end of an incomplete character is text like any other, unless a stop token came.
  add_text(text_.finish(), reason == FinishReason::kLength);
  if (take_stop_match()) return;
  news_.text += scanner_.finish();
  news_.finish_reason = reason;
  finished_ = true;
}

SequenceOutput Choice::take_news() {
  has_news_ = false;
  SequenceOutput taken = std::exchange(news_, {});
  news_.index = index_;
  return taken;
}

}  // namespace trivet
