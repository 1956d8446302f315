// How much of its limits a key has used.
#ifndef TRIVET_SERVER_GUARD_KEY_METER_H_
#define TRIVET_SERVER_GUARD_KEY_METER_H_

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "base/clock.h"
#include "server/guard/key_ring.h"
#include "telemetry/samples.h"

namespace trivet {

// An amount per minute that drains steadily. May be overdrawn by what was not known beforehand;
// then nothing more is let in until the debt is paid, so that the long-run rate holds.
class MinuteQuota {
 public:
  // Seconds to wait until `amount` fits; absent = it fits now. More than the whole limit fits when
  // nothing is used.
  std::optional<double> wait_for(double amount, double limit, TimePoint now);
  void take(double amount) { used_ += amount; }
  void give_back(double amount) { used_ -= amount; }
  double left(double limit) const { return used_ < limit ? limit - used_ : 0.0; }
  double seconds_until_full(double limit) const { return used_ > 0 ? used_ * 60.0 / limit : 0.0; }

 private:
  double used_ = 0.0;
  TimePoint drained_{};
};

// Why a request may not run now.
struct LimitRefusal {
  KeyRefusal reason = KeyRefusal::kRequests;
  std::string message;
  int retry_after_seconds = 1;
};

struct KeyTotals {
  int running = 0;
  uint64_t requests = 0, refused = 0;
  uint64_t prompt_tokens = 0, generated_tokens = 0;
};

// Thread-safe.
class KeyMeter {
 public:
  // `policy` is the same for all calls about one request, though a reload may change the next
  // ones'. Takes a request and a place among those that run, or nothing.
  std::optional<LimitRefusal> enter(const KeyPolicy& policy, TimePoint now);
  // The same for work that was let in before: it is counted but not refused.
  void admit();
  // Takes tokens, or nothing.
  std::optional<LimitRefusal> reserve(const KeyPolicy& policy, int64_t tokens, TimePoint now);
  // Ends what enter() began; `reserved` becomes what was really used.
  void leave(const KeyPolicy& policy, int64_t reserved, int64_t prompt_tokens,
             int64_t generated_tokens);
  // "x-ratelimit-..." as OpenAI writes them, for those limits that the key has.
  HeaderFields fields(const KeyPolicy& policy, TimePoint now);
  KeyTotals totals() const;

 private:
  LimitRefusal refuse(KeyRefusal reason, std::string message, double seconds);

  mutable std::mutex mutex_;
  MinuteQuota requests_, tokens_;
  KeyTotals totals_;
};

// One request on its way: gives back on destruction. Used by one thread at a time.
class KeyTicket {
 public:
  KeyTicket(std::shared_ptr<const KeyPolicy> policy, std::shared_ptr<KeyMeter> meter,
            const Clock& clock)
      : policy_(std::move(policy)), meter_(std::move(meter)), clock_(clock) {}
  ~KeyTicket();
  KeyTicket(const KeyTicket&) = delete;
  KeyTicket& operator=(const KeyTicket&) = delete;

  const KeyPolicy& policy() const { return *policy_; }
  // Before the request runs: what it may use at most, as far as that is known. Later calls do
  // nothing.
  std::optional<LimitRefusal> reserve(int64_t tokens);
  // What it has used. Without it, all that was reserved counts.
  void settle(int64_t prompt_tokens, int64_t generated_tokens);
  HeaderFields fields() const { return meter_->fields(*policy_, clock_.now()); }

 private:
  std::shared_ptr<const KeyPolicy> policy_;
  std::shared_ptr<KeyMeter> meter_;
  const Clock& clock_;
  int64_t reserved_ = 0;
  int64_t prompt_tokens_ = 0, generated_tokens_ = 0;
  bool settled_ = false;
};

// "250ms", "8.5s", "6m0s".
std::string format_reset(double seconds);

}  // namespace trivet

#endif  // TRIVET_SERVER_GUARD_KEY_METER_H_
