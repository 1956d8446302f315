#include "sampling/logit_edits.h"

#include <algorithm>

#include "sampling/logit_scan.h"

namespace trivet {
namespace {

constexpr size_t kWordBits = 32;

void mask_token(std::span<float> logits, TokenId token) {
  const auto index = static_cast<size_t>(static_cast<int64_t>(token));
  if (index < logits.size()) logits[index] = kMasked;
}

std::vector<uint32_t> mask_of(std::span<const TokenId> tokens, int vocab_size) {
  std::vector<uint32_t> mask((static_cast<size_t>(vocab_size) + kWordBits - 1) / kWordBits);
  for (const TokenId token : tokens) {
    if (token < 0 || token >= vocab_size) continue;
    mask[static_cast<size_t>(token) / kWordBits] |= uint32_t{1} << (token % kWordBits);
  }
  return mask;
}

}  // namespace

void apply_token_mask(std::span<float> logits, std::span<const uint32_t> mask) {
  const size_t covered = std::min(logits.size(), mask.size() * kWordBits);
  for (size_t begin = 0; begin < covered; begin += kWordBits) {
    const uint32_t word = mask[begin / kWordBits];
    const size_t count = std::min(kWordBits, covered - begin);
    if (word == ~uint32_t{0}) continue;
    if (word == 0) {  // most words of a grammar's mask
      std::fill_n(logits.begin() + static_cast<std::ptrdiff_t>(begin), count, kMasked);
      continue;
    }
    for (size_t bit = 0; bit < count; ++bit) {
      if ((word >> bit & 1) == 0) logits[begin + bit] = kMasked;
    }
  }
  std::fill(logits.begin() + static_cast<std::ptrdiff_t>(covered), logits.end(), kMasked);
}

LogitEdits::LogitEdits(const GenerationParams& params, std::span<const TokenId> end_tokens,
                       int vocab_size)
    : params_(params) {
  if (!params.allowed_tokens.empty()) allowed_mask_ = mask_of(params.allowed_tokens, vocab_size);
  if (params.min_tokens > 0) {
    early_end_tokens_.assign(end_tokens.begin(), end_tokens.end());
    early_end_tokens_.insert(early_end_tokens_.end(), params.stop_tokens.begin(),
                             params.stop_tokens.end());
  }
  for (const auto& word : params.bad_words) {
    if (!word.empty()) remembered_tokens_ = std::max(remembered_tokens_, word.size() - 1);
  }
  active_ = !allowed_mask_.empty() || !params.banned_tokens.empty() || !params.bad_words.empty() ||
            !early_end_tokens_.empty() || !params.logit_bias.empty();
}

void LogitEdits::apply(std::span<float> logits, std::span<const TokenId> generated,
                       int64_t count) const {
  if (!allowed_mask_.empty()) apply_token_mask(logits, allowed_mask_);
  for (const TokenId token : params_.banned_tokens) mask_token(logits, token);
  ban_bad_words(logits, generated);
  if (count < params_.min_tokens) {
    for (const TokenId token : early_end_tokens_) mask_token(logits, token);
  }
  for (const auto& [token, bias] : params_.logit_bias) {
    const auto index = static_cast<size_t>(static_cast<int64_t>(token));
    if (index < logits.size()) logits[index] += bias;
  }
}

// The last token of a sequence is masked while the tokens before it are the latest ones.
void LogitEdits::ban_bad_words(std::span<float> logits, std::span<const TokenId> generated) const {
  for (const auto& word : params_.bad_words) {
    if (word.empty() || word.size() - 1 > generated.size()) continue;
    if (std::equal(word.begin(), word.end() - 1, generated.end() - (word.size() - 1))) {
      mask_token(logits, word.back());
    }
  }
}

}  // namespace trivet
