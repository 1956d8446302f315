#include "measure/timing.h"

#include <time.h>

#include <algorithm>
#include <chrono>
#include <vector>

#include "base/clock.h"

namespace trivet {
namespace {

constexpr double kSampleSeconds = 0.003;
constexpr double kCleanShare = 0.95;
constexpr size_t kFewestSamples = 5, kFewestClean = 3;

double process_seconds() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

double middle(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

}  // namespace

Result<Timing> time_calls(int threads, double seconds, const std::function<Result<void>()>& call) {
  TRIVET_RETURN_IF_ERROR(call());
  const TimePoint begin = std::chrono::steady_clock::now();
  std::vector<double> clean, all;
  int repeats = 1;
  while (all.size() < kFewestSamples ||
         seconds_between(begin, std::chrono::steady_clock::now()) < seconds) {
    const double busy_before = process_seconds();
    const TimePoint start = std::chrono::steady_clock::now();
    for (int i = 0; i < repeats; ++i) TRIVET_RETURN_IF_ERROR(call());
    const double wall = std::max(seconds_between(start, std::chrono::steady_clock::now()), 1e-9);
    const double busy = process_seconds() - busy_before;
    all.push_back(wall / repeats);
    if (busy >= kCleanShare * wall * threads) clean.push_back(all.back());
    repeats = std::max(1, static_cast<int>(std::min(kSampleSeconds / all.back(), 1e6)));
  }
  return Timing{middle(clean.size() >= kFewestClean ? clean : all), static_cast<int>(clean.size()),
                static_cast<int>(all.size())};
}

}  // namespace trivet
