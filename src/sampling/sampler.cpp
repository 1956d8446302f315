#include "sampling/sampler.h"

#include <bit>
#include <optional>

#include "base/check.h"
#include "sampling/candidates.h"
#include "sampling/logit_edits.h"
#include "sampling/logit_scan.h"
#include "sampling/philox.h"
#include "sampling/token_counts.h"
#include "sampling/truncation.h"

namespace trivet {
namespace {

// Below, dividing by the temperature only loses digits: the best token has all of the weight.
constexpr float kGreedyBelow = 1e-5f;

bool has_penalties(const GenerationParams& params) {
  return params.repetition_penalty != 1.0f || params.frequency_penalty != 0.0f ||
         params.presence_penalty != 0.0f;
}

float scale_of(const GenerationParams& params) {
  return params.temperature < kGreedyBelow ? 1.0f : 1.0f / params.temperature;
}

std::optional<TokenId> first_legal(std::span<const uint32_t> mask, size_t vocab_size) {
  for (size_t word = 0; word < mask.size(); ++word) {
    if (mask[word] == 0) continue;
    const size_t token = word * 32 + static_cast<size_t>(std::countr_zero(mask[word]));
    if (token < vocab_size) return static_cast<TokenId>(token);
    break;
  }
  return std::nullopt;
}

class SequenceSampler final : public Sampler {
 public:
  SequenceSampler(const GenerationParams& params, uint64_t seed, std::span<const TokenId> prompt,
                  std::span<const TokenId> end_tokens, int vocab_size)
      : params_(params),
        seed_(seed),
        vocab_size_(vocab_size),
        edits_(params, end_tokens, vocab_size),
        truncation_(params, scale_of(params), vocab_size) {
    if (has_penalties(params)) counts_.emplace(prompt, vocab_size);
  }

  TokenId sample(std::span<float> logits, int64_t position,
                 std::span<const uint32_t> token_mask) override {
    TRIVET_CHECK(logits.size() == static_cast<size_t>(vocab_size_));
    const TokenId fallback = edit(logits, token_mask);
    if (params_.temperature < kGreedyBelow) {
      const TokenId best = argmax(logits);
      return logits[static_cast<size_t>(best)] > kMasked ? best : fallback;
    }
    const float max = find_max(logits);
    if (max == kMasked) return fallback;
    const double u = uniform_at(seed_, position);
    if (!truncation_.active()) return draw_from_all(logits, max, u);
    truncation_.filter(logits, max, candidates_);
    return draw(candidates_, u);
  }

  void accept(TokenId token) override {
    ++accepted_;
    if (counts_) counts_->add_generated(token);
    const size_t remembered = edits_.remembered_tokens();
    if (remembered == 0) return;
    if (recent_.size() == remembered) recent_.erase(recent_.begin());
    recent_.push_back(token);
  }

 private:
  // Masks, bias, penalties. Returns the token to take if they leave none: the best of those that
  // the grammar allows, without one the model's best.
  TokenId edit(std::span<float> logits, std::span<const uint32_t> token_mask) {
    TokenId fallback = 0;
    if (!token_mask.empty()) {
      fallback = mask(logits, token_mask);
    } else if (edits_.active()) {
      fallback = argmax(logits);
    }
    if (edits_.active()) edits_.apply(logits, recent_, accepted_);
    if (counts_) counts_->penalise(logits, params_);
    return fallback;
  }

  static TokenId mask(std::span<float> logits, std::span<const uint32_t> token_mask) {
    const std::optional<TokenId> legal = first_legal(token_mask, logits.size());
    if (!legal) return argmax(logits);  // the caller sees that nothing is left
    apply_token_mask(logits, token_mask);
    const TokenId best = argmax(logits);
    return logits[static_cast<size_t>(best)] > kMasked ? best : *legal;
  }

  TokenId draw_from_all(std::span<float> logits, float max, double u) {
    const double total = replace_by_exp(logits, max, 1.0f / params_.temperature, chunk_sums_);
    double left = u * total;
    size_t chunk = 0;
    while (chunk + 1 < chunk_sums_.size() && left >= chunk_sums_[chunk]) {
      left -= chunk_sums_[chunk++];
    }
    const size_t begin = chunk * kSumChunk;
    const size_t end = std::min(begin + kSumChunk, logits.size());
    return draw_from_chunk(logits.first(end), begin, left);
  }

  // The chunk's sum was taken in another order than here: what rounding leaves over goes to the
  // last token that has any weight.
  static TokenId draw_from_chunk(std::span<const float> weights, size_t begin, double mass) {
    double sum = 0;
    for (size_t i = begin; i < weights.size(); ++i) {
      sum += weights[i];
      if (sum > mass) return static_cast<TokenId>(i);
    }
    size_t last = weights.size() - 1;
    while (last > 0 && weights[last] == 0.0f) --last;
    return static_cast<TokenId>(last);
  }

  const GenerationParams& params_;
  const uint64_t seed_;
  const int vocab_size_;
  const LogitEdits edits_;
  const Truncation truncation_;
  std::optional<TokenCounts> counts_;
  std::vector<TokenId> recent_;  // the last accepted tokens, as many as bad words need
  int64_t accepted_ = 0;
  std::vector<Candidate> candidates_;
  std::vector<double> chunk_sums_;
};

}  // namespace

std::unique_ptr<Sampler> Sampler::create(const GenerationParams& params, uint64_t seed,
                                         std::span<const TokenId> prompt,
                                         std::span<const TokenId> end_tokens, int vocab_size) {
  return std::make_unique<SequenceSampler>(params, seed, prompt, end_tokens, vocab_size);
}

}  // namespace trivet
