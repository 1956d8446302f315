#include "sampling/token_counts.h"

namespace trivet {

TokenCounts::TokenCounts(std::span<const TokenId> prompt, int vocab_size)
    : vocab_size_(vocab_size) {
  for (const TokenId token : prompt) {
    if (counts(token)) entry(token);
  }
}

void TokenCounts::add_generated(TokenId token) {
  if (counts(token)) ++entry(token).generated;
}

TokenCounts::Entry& TokenCounts::entry(TokenId token) {
  const auto [place, is_new] = index_.try_emplace(token, entries_.size());
  if (is_new) entries_.push_back({token, 0});
  return entries_[place->second];
}

void TokenCounts::penalise(std::span<float> logits, const GenerationParams& params) const {
  const float repetition = params.repetition_penalty;
  for (const Entry& entry : entries_) {
    float& logit = logits[static_cast<size_t>(entry.token)];
    logit = logit > 0.0f ? logit / repetition : logit * repetition;
    if (entry.generated == 0) continue;
    logit -= params.frequency_penalty * static_cast<float>(entry.generated);
    logit -= params.presence_penalty;
  }
}

}  // namespace trivet
