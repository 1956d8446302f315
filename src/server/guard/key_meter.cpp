#include "server/guard/key_meter.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace trivet {
namespace {

constexpr double kMinuteSeconds = 60.0;

void add_fields(HeaderFields& fields, const char* what, int64_t limit, const MinuteQuota& quota) {
  const auto most = static_cast<double>(limit);
  const std::string prefix = "x-ratelimit-";
  fields.emplace_back(prefix + "limit-" + what, std::to_string(limit));
  fields.emplace_back(prefix + "remaining-" + what,
                      std::to_string(static_cast<int64_t>(quota.left(most))));
  fields.emplace_back(prefix + "reset-" + what, format_reset(quota.seconds_until_full(most)));
}

}  // namespace

std::optional<double> MinuteQuota::wait_for(double amount, double limit, TimePoint now) {
  const double per_second = limit / kMinuteSeconds;
  if (drained_ != TimePoint{}) {
    used_ = std::max(0.0, used_ - per_second * std::max(0.0, seconds_between(drained_, now)));
  }
  drained_ = now;
  const double over = used_ + std::min(amount, limit) - limit;
  constexpr double kRounding = 1e-6;
  if (over <= kRounding) return std::nullopt;
  return over / per_second;
}

LimitRefusal KeyMeter::refuse(KeyRefusal reason, std::string message, double seconds) {
  ++totals_.refused;
  const int wait = std::max(1, static_cast<int>(std::ceil(seconds)));
  message += fmt::format(" Please try again in {} s.", wait);
  return {reason, std::move(message), wait};
}

std::optional<LimitRefusal> KeyMeter::enter(const KeyPolicy& policy, TimePoint now) {
  const std::lock_guard lock(mutex_);
  const KeyLimits& limits = policy.limits;
  if (limits.concurrency > 0 && totals_.running >= limits.concurrency) {
    return refuse(KeyRefusal::kConcurrency,
                  fmt::format("The API key \"{}\" has {} requests running, as many as it may.",
                              policy.name, totals_.running),
                  1.0);
  }
  if (limits.requests_per_minute > 0) {
    const auto limit = static_cast<double>(limits.requests_per_minute);
    if (const auto wait = requests_.wait_for(1.0, limit, now)) {
      return refuse(
          KeyRefusal::kRequests,
          fmt::format("Rate limit reached for the API key \"{}\": {} requests per minute.",
                      policy.name, limits.requests_per_minute),
          *wait);
    }
    requests_.take(1.0);
  }
  ++totals_.running;
  ++totals_.requests;
  return std::nullopt;
}

void KeyMeter::admit() {
  const std::lock_guard lock(mutex_);
  ++totals_.running;
  ++totals_.requests;
}

std::optional<LimitRefusal> KeyMeter::reserve(const KeyPolicy& policy, int64_t tokens,
                                              TimePoint now) {
  const std::lock_guard lock(mutex_);
  const int64_t limit = policy.limits.tokens_per_minute;
  if (limit == 0) return std::nullopt;
  const auto most = static_cast<double>(limit);
  if (const auto wait = tokens_.wait_for(static_cast<double>(tokens), most, now)) {
    return refuse(
        KeyRefusal::kTokens,
        fmt::format("Rate limit reached for the API key \"{}\": {} tokens per minute, of which {} "
                    "are left; the request needs up to {}.",
                    policy.name, limit, static_cast<int64_t>(tokens_.left(most)), tokens),
        *wait);
  }
  tokens_.take(static_cast<double>(tokens));
  return std::nullopt;
}

void KeyMeter::leave(const KeyPolicy& policy, int64_t reserved, int64_t prompt_tokens,
                     int64_t generated_tokens) {
  const std::lock_guard lock(mutex_);
  --totals_.running;
  totals_.prompt_tokens += static_cast<uint64_t>(prompt_tokens);
  totals_.generated_tokens += static_cast<uint64_t>(generated_tokens);
  if (policy.limits.tokens_per_minute == 0) return;
  tokens_.give_back(static_cast<double>(reserved - prompt_tokens - generated_tokens));
}

HeaderFields KeyMeter::fields(const KeyPolicy& policy, TimePoint now) {
  const std::lock_guard lock(mutex_);
  HeaderFields fields;
  if (const int64_t limit = policy.limits.requests_per_minute; limit > 0) {
    requests_.wait_for(0.0, static_cast<double>(limit), now);
    add_fields(fields, "requests", limit, requests_);
  }
  if (const int64_t limit = policy.limits.tokens_per_minute; limit > 0) {
    tokens_.wait_for(0.0, static_cast<double>(limit), now);
    add_fields(fields, "tokens", limit, tokens_);
  }
  return fields;
}

KeyTotals KeyMeter::totals() const {
  const std::lock_guard lock(mutex_);
  return totals_;
}

KeyTicket::~KeyTicket() {
  if (!settled_) prompt_tokens_ = reserved_;
  meter_->leave(*policy_, reserved_, prompt_tokens_, generated_tokens_);
}

std::optional<LimitRefusal> KeyTicket::reserve(int64_t tokens) {
  if (reserved_ > 0) return std::nullopt;
  std::optional<LimitRefusal> refusal = meter_->reserve(*policy_, tokens, clock_.now());
  if (!refusal) reserved_ = tokens;
  return refusal;
}

void KeyTicket::settle(int64_t prompt_tokens, int64_t generated_tokens) {
  prompt_tokens_ = prompt_tokens;
  generated_tokens_ = generated_tokens;
  settled_ = true;
}

std::string format_reset(double seconds) {
  if (seconds < 1.0) return fmt::format("{}ms", static_cast<int>(std::ceil(seconds * 1e3)));
  if (seconds < kMinuteSeconds) return fmt::format("{:.4g}s", seconds);
  const auto whole = static_cast<int64_t>(std::ceil(seconds));
  return fmt::format("{}m{}s", whole / 60, whole % 60);
}

}  // namespace trivet
