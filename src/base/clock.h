// Time that tests can hold still.
#ifndef TRIVET_BASE_CLOCK_H_
#define TRIVET_BASE_CLOCK_H_

#include <chrono>
#include <cstdint>

namespace trivet {

using TimePoint = std::chrono::steady_clock::time_point;
using Duration = std::chrono::steady_clock::duration;

// Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual TimePoint now() const = 0;
};

class SteadyClock final : public Clock {
 public:
  TimePoint now() const override { return std::chrono::steady_clock::now(); }
};

// For tests and simulations: stands still until told. Not thread-safe.
class VirtualClock final : public Clock {
 public:
  TimePoint now() const override { return now_; }
  void advance(Duration by) { now_ += by; }

 private:
  TimePoint now_{};
};

inline double seconds_between(TimePoint from, TimePoint to) {
  return std::chrono::duration<double>(to - from).count();
}

// Since 1 January 1970, by the wall clock.
template <class Unit>
int64_t unix_time() {
  return std::chrono::duration_cast<Unit>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}
inline int64_t unix_seconds() { return unix_time<std::chrono::seconds>(); }

}  // namespace trivet

#endif  // TRIVET_BASE_CLOCK_H_
