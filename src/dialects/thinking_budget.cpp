#include "dialects/thinking_budget.h"

#include <algorithm>
#include <string>
#include <vector>

#include "dialects/held_text.h"

namespace trivet {
namespace {

// What all copies have in common.
struct BudgetRules {
  std::string begin, end;
  int budget = 0;
  std::vector<TokenId> closing;  // the end tag
  const Tokenizer* tokenizer = nullptr;
};

// Bytes that still belong to the last character once `bytes` have come.
int open_bytes_after(int open, std::string_view bytes) {
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0xF0) {
      open = 3;
    } else if (byte >= 0xE0) {
      open = 2;
    } else if (byte >= 0xC0) {
      open = 1;
    } else {
      open = byte >= 0x80 ? std::max(open - 1, 0) : 0;
    }
  }
  return open;
}

class BudgetedGrammar final : public Grammar {
 public:
  BudgetedGrammar(std::unique_ptr<Grammar> inner, std::shared_ptr<const BudgetRules> rules,
                  bool begun)
      : inner_(std::move(inner)), rules_(std::move(rules)) {
    state_.place = begun ? Place::kReasoning : Place::kStart;
  }
  BudgetedGrammar(const BudgetedGrammar& other, std::unique_ptr<Grammar> inner)
      : inner_(std::move(inner)),
        rules_(other.rules_),
        state_(other.state_),
        history_(other.history_),
        free_tokens_(other.free_tokens_) {}

  Result<void> fill_mask(std::span<uint32_t> mask) override {
    TRIVET_RETURN_IF_ERROR(inner_->fill_mask(mask));
    const auto token = forced();
    if (!token) return {};
    std::ranges::fill(mask, 0u);
    const auto index = static_cast<size_t>(*token);
    if (index / 32 < mask.size()) mask[index / 32] |= 1u << index % 32;
    return {};
  }

  Result<size_t> accept(std::span<const TokenId> tokens) override {
    for (size_t i = 0; i < tokens.size(); ++i) {
      if (is_forbidden(tokens[i])) return i;
      TRIVET_ASSIGN_OR_RETURN(const size_t count, inner_->accept(tokens.subspan(i, 1)));
      if (count == 0) return i;
      note(tokens[i]);
    }
    return tokens.size();
  }

  Result<void> rollback(size_t count) override {
    if (count > free_tokens_ + history_.size()) {
      return Error(ErrorCode::kInvalidArgument, "a rollback before the start of the text");
    }
    TRIVET_RETURN_IF_ERROR(inner_->rollback(count));
    const size_t from_end = std::min(count, free_tokens_);
    free_tokens_ -= from_end;
    for (size_t i = from_end; i < count; ++i) {
      state_ = std::move(history_.back());
      history_.pop_back();
    }
    return {};
  }

  Result<std::unique_ptr<Grammar>> clone() const override {
    TRIVET_ASSIGN_OR_RETURN(auto inner, inner_->clone());
    return std::unique_ptr<Grammar>(std::make_unique<BudgetedGrammar>(*this, std::move(inner)));
  }

  Result<bool> is_accepting() override { return inner_->is_accepting(); }
  Result<bool> is_terminated() const override { return inner_->is_terminated(); }
  Result<std::string> forced_bytes() override {
    if (forced()) return std::string();  // these are tokens, not bytes
    return inner_->forced_bytes();
  }

  Result<Offer> accept_within(TokenId token, int remaining) override {
    if (is_forbidden(token)) return Offer::kForbidden;
    TRIVET_ASSIGN_OR_RETURN(const Offer offer, inner_->accept_within(token, remaining));
    if (offer == Offer::kAccepted) note(token);
    return offer;
  }

  Result<std::vector<TokenId>> closing() override { return inner_->closing(); }
  bool can_close() const override { return inner_->can_close(); }

 private:
  enum class Place { kStart, kReasoning, kDone };
  struct State {
    Place place = Place::kStart;
    int reasoned = 0;    // tokens
    int open_bytes = 0;  // of a character that has begun
    size_t closed = 0;   // of the closing tokens, those that have come
    std::string tail;    // the latest text, as far as a tag may have begun in it
  };

  std::optional<TokenId> forced() const {
    const bool spent = state_.place == Place::kReasoning && state_.reasoned >= rules_->budget;
    if (!spent || state_.closed >= rules_->closing.size()) return std::nullopt;
    if (state_.open_bytes > 0) return std::nullopt;  // the character comes first
    return rules_->closing[state_.closed];
  }
  bool is_forbidden(TokenId token) const {
    const auto only = forced();
    return only && token != *only;
  }

  void note(TokenId token) {
    if (state_.place == Place::kDone) {
      ++free_tokens_;
      return;
    }
    history_.push_back(state_);
    if (forced()) {
      ++state_.closed;
    } else if (state_.place == Place::kReasoning) {
      ++state_.reasoned;
    }
    const std::string_view bytes = rules_->tokenizer->token_bytes(token);
    state_.open_bytes = open_bytes_after(state_.open_bytes, bytes);
    state_.tail += bytes;
    if (state_.place == Place::kStart) find_begin();
    if (state_.place == Place::kReasoning) find_end();
  }

  void find_begin() {
    const std::string_view text = std::string_view(state_.tail).substr(leading_space(state_.tail));
    if (text.starts_with(rules_->begin)) {
      state_.place = Place::kReasoning;
    } else if (!std::string_view(rules_->begin).starts_with(text)) {
      state_.place = Place::kDone;
    }
  }

  void find_end() {
    if (state_.tail.find(rules_->end) != std::string::npos) {
      state_.place = Place::kDone;
      state_.tail.clear();
      return;
    }
    const size_t kept = partial_match(state_.tail, rules_->end);
    state_.tail.erase(0, state_.tail.size() - kept);
  }

  const std::unique_ptr<Grammar> inner_;
  const std::shared_ptr<const BudgetRules> rules_;
  State state_;
  std::vector<State> history_;  // before each token up to the end of the reasoning
  size_t free_tokens_ = 0;      // after it
};

}  // namespace

std::shared_ptr<const Grammar> with_thinking_budget(std::shared_ptr<const Grammar> grammar,
                                                    const MessageFormat& format, int budget,
                                                    const Tokenizer& tokenizer) {
  auto rules = std::make_shared<BudgetRules>();
  rules->begin = format.reasoning.begin;
  rules->end = format.reasoning.end;
  rules->budget = budget;
  rules->tokenizer = &tokenizer;
  auto closing = tokenizer.encode(rules->end, {.add_special_tokens = false});
  auto inner = grammar->clone();
  if (!closing || closing->empty() || !inner) return grammar;
  rules->closing = *std::move(closing);
  return std::make_shared<BudgetedGrammar>(*std::move(inner), std::move(rules),
                                           format.begins_with_reasoning);
}

}  // namespace trivet
