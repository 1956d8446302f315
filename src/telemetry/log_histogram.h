// Counts of durations in buckets of equal ratio, for percentiles over a sliding window.
#ifndef TRIVET_TELEMETRY_LOG_HISTOGRAM_H_
#define TRIVET_TELEMETRY_LOG_HISTOGRAM_H_

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace trivet {

// From 0.1 ms to 3.7 h, sixteen buckets per doubling: a quantile is within 2.2 % of the true value.
// What lies outside falls into the outer buckets. The sum is exact. Not thread-safe.
class LogHistogram {
 public:
  void add(double seconds, uint32_t count = 1) {
    counts_[bucket_of(seconds)] += count;
    count_ += count;
    sum_ += seconds * count;
  }
  void add(const LogHistogram& other) {
    for (size_t i = 0; i < kBuckets; ++i) counts_[i] += other.counts_[i];
    count_ += other.count_;
    sum_ += other.sum_;
  }
  void clear() { *this = {}; }

  uint64_t count() const { return count_; }
  double sum() const { return sum_; }
  std::optional<double> mean() const {
    if (count_ == 0) return std::nullopt;
    return sum_ / static_cast<double>(count_);
  }
  // The value below which the share `q` (0..1) of all lies; absent if there are none.
  std::optional<double> quantile(double q) const {
    if (count_ == 0) return std::nullopt;
    const double rank = q * static_cast<double>(count_);
    double below = 0.0;
    for (size_t i = 0; i < kBuckets; ++i) {
      const double next = below + counts_[i];
      if (counts_[i] > 0 && next >= rank) {
        const double share = std::clamp((rank - below) / counts_[i], 0.0, 1.0);
        return kSmallest * std::exp2((static_cast<double>(i) + share) / kPerOctave);
      }
      below = next;
    }
    return kSmallest * std::exp2(static_cast<double>(kBuckets) / kPerOctave);
  }

 private:
  static constexpr double kSmallest = 1e-4;  // seconds
  static constexpr int kPerOctave = 16;
  static constexpr size_t kBuckets = 27 * kPerOctave;

  static size_t bucket_of(double seconds) {
    if (!(seconds > kSmallest)) return 0;
    const double place = std::log2(seconds / kSmallest) * kPerOctave;
    return std::min(static_cast<size_t>(place), kBuckets - 1);
  }

  std::array<uint32_t, kBuckets> counts_{};
  uint64_t count_ = 0;
  double sum_ = 0.0;
};

}  // namespace trivet

#endif  // TRIVET_TELEMETRY_LOG_HISTOGRAM_H_
