// The keys of a running server: who may enter now, and what each has used.
#ifndef TRIVET_SERVER_GUARD_KEY_GUARD_H_
#define TRIVET_SERVER_GUARD_KEY_GUARD_H_

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "server/guard/key_meter.h"
#include "server/guard/key_ring.h"
#include "telemetry/metrics.h"

namespace trivet {

// Keys from the command line, which stay, and keys from a file, which may change. Thread-safe.
class KeyGuard {
 public:
  struct Options {
    std::vector<ApiKey> keys;
    std::string key_file;  // empty = none
  };
  // `metrics` and `clock` (null = the steady one) must outlive it. kInvalidArgument, kNotFound: the
  // file or a key.
  static Result<std::unique_ptr<KeyGuard>> create(Options options, Metrics& metrics,
                                                  const Clock* clock = nullptr);

  bool open() const { return ring()->open(); }  // no keys: everyone may
  std::shared_ptr<const KeyRing> ring() const;

  // Reads the file again. On an error the old keys stay. What keys have used is kept by name.
  Result<void> reload();

  // A request of the key begins, or is refused (which is counted).
  using Entry = std::variant<std::unique_ptr<KeyTicket>, LimitRefusal>;
  Entry enter(const std::shared_ptr<const KeyPolicy>& policy);
  // The same for a request of an earlier time, by its tenant; null = no such key any more, or none
  // is needed.
  std::unique_ptr<KeyTicket> reenter(std::string_view tenant);
  void count_refusal(const KeyPolicy& policy, KeyRefusal reason) {
    metrics_.on_key_refusal(policy.name, reason);
  }
  // What is left of the limits, for a refused request.
  HeaderFields fields(const KeyPolicy& policy);

  std::vector<std::pair<std::string, KeyTotals>> totals() const;

 private:
  KeyGuard(Options options, Metrics& metrics, const Clock* clock)
      : options_(std::move(options)),
        metrics_(metrics),
        clock_(clock == nullptr ? steady_clock_ : *clock) {}
  std::shared_ptr<KeyMeter> meter_of(const KeyPolicy& policy);

  const Options options_;
  Metrics& metrics_;
  const SteadyClock steady_clock_;
  const Clock& clock_;
  mutable std::mutex mutex_;
  std::shared_ptr<const KeyRing> ring_;
  std::map<std::string, std::shared_ptr<KeyMeter>, std::less<>> meters_;
};

}  // namespace trivet

#endif  // TRIVET_SERVER_GUARD_KEY_GUARD_H_
