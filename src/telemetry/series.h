// Building blocks of metrics: bucket bounds, and making series that share labels. Only for .cpp
// files of this module.
#ifndef TRIVET_TELEMETRY_SERIES_H_
#define TRIVET_TELEMETRY_SERIES_H_

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace trivet {

using prometheus::Counter;
using prometheus::Gauge;
using prometheus::Histogram;
using prometheus::Labels;
using Buckets = Histogram::BucketBoundaries;

// Names, labels and bucket bounds follow vLLM's vllm/v1/metrics/loggers.py, so that its dashboards
// work.
inline const Buckets kFirstTokenBuckets = {.001, .005, .01, .02, .04, .06, .08, .1, .25, .5,  .75,
                                           1,    2.5,  5,   7.5, 10,  20,  40,  80, 160, 640, 2560};
inline const Buckets kTokenGapBuckets = {.01, .025, .05, .075, .1,  .15, .2, .3, .4, .5,
                                         .75, 1,    2.5, 5,    7.5, 10,  20, 40, 80};
inline const Buckets kRequestSecondsBuckets = {.3, .5, .8, 1,  1.5, 2,   2.5, 5,   10,   15,  20,
                                               30, 40, 50, 60, 120, 240, 480, 960, 1920, 7680};
inline const Buckets kStepTokensBuckets = {1,   8,    16,   32,   64,   128,  256,
                                           512, 1024, 2048, 4096, 8192, 16384};
inline const Buckets kStepSecondsBuckets = {.0005, .001, .0025, .005, .01, .025, .05,
                                            .1,    .25,  .5,    1,    2.5, 5};
inline const Buckets kChoicesBuckets = {1, 2, 5, 10, 20};
inline const Buckets kHttpSecondsBuckets = {.001, .005, .01, .025, .05, .1, .25, .5,
                                            1,    2.5,  5,   10,   30,  60, 300};

// 1, 2, 5, 10, 20, 50 ... up to `largest`.
inline Buckets one_two_five(int largest) {
  Buckets buckets;
  for (double decade = 1;; decade *= 10) {
    for (const double mantissa : {1.0, 2.0, 5.0}) {
      if (mantissa * decade > std::max(largest, 1)) return buckets;
      buckets.push_back(mantissa * decade);
    }
  }
}

// Builds series that carry the model's labels.
class SeriesMaker {
 public:
  SeriesMaker(prometheus::Registry& registry, Labels labels)
      : registry_(registry), labels_(std::move(labels)) {}

  Gauge* gauge(const char* name, const char* help) {
    return &prometheus::BuildGauge().Name(name).Help(help).Register(registry_).Add(labels_);
  }
  Counter* counter(const char* name, const char* help) {
    return &prometheus::BuildCounter().Name(name).Help(help).Register(registry_).Add(labels_);
  }
  Histogram* histogram(const char* name, const char* help, const Buckets& buckets) {
    return &prometheus::BuildHistogram().Name(name).Help(help).Register(registry_).Add(labels_,
                                                                                       buckets);
  }
  // One gauge or counter per value of `label`.
  template <size_t N>
  std::array<Gauge*, N> gauges(const char* name, const char* help, const char* label,
                               const std::array<std::string_view, N>& values) {
    auto& family = prometheus::BuildGauge().Name(name).Help(help).Register(registry_);
    std::array<Gauge*, N> result;
    for (size_t i = 0; i < N; ++i) {
      Labels labels = labels_;
      labels[label] = std::string(values[i]);
      result[i] = &family.Add(labels);
    }
    return result;
  }
  template <size_t N>
  std::array<Counter*, N> counters(const char* name, const char* help, const char* label,
                                   const std::array<std::string_view, N>& values) {
    auto& family = prometheus::BuildCounter().Name(name).Help(help).Register(registry_);
    std::array<Counter*, N> result;
    for (size_t i = 0; i < N; ++i) {
      Labels labels = labels_;
      labels[label] = std::string(values[i]);
      result[i] = &family.Add(labels);
    }
    return result;
  }

 private:
  prometheus::Registry& registry_;
  Labels labels_;
};

inline void observe(Histogram* histogram, const std::optional<double>& value) {
  if (value) histogram->Observe(*value);
}

// Adds what a total has grown by since the last call.
inline void advance(Counter* counter, uint64_t& previous, uint64_t total) {
  if (total > previous) counter->Increment(static_cast<double>(total - previous));
  previous = std::max(previous, total);
}

}  // namespace trivet

#endif  // TRIVET_TELEMETRY_SERIES_H_
