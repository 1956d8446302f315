#include "telemetry/http_series.h"

namespace trivet {
namespace {

const char* const kStatusClasses[] = {"1xx", "2xx", "3xx", "4xx", "5xx"};
constexpr std::string_view kNoHandler = "none";

}  // namespace

HttpSeries::HttpSeries(prometheus::Registry& registry)
    : requests_(prometheus::BuildCounter()
                    .Name("http_requests_total")
                    .Help("HTTP requests answered.")
                    .Register(registry)),
      seconds_(prometheus::BuildHistogram()
                   .Name("http_request_duration_seconds")
                   .Help("Request head to end of the answer.")
                   .Register(registry)) {
  add_handler(kNoHandler);
}

void HttpSeries::add_handler(std::string_view handler) {
  const std::lock_guard lock(mutex_);
  handlers_.emplace(handler);
}

Labels HttpSeries::labels_of(const Place& place) const {
  return {{"handler", std::string(place.handler)}, {"method", std::string(kMethods[place.method])}};
}

void HttpSeries::on_http(std::string_view method, std::string_view handler, int status,
                         double seconds) {
  const std::lock_guard lock(mutex_);
  auto known = handlers_.find(handler);
  if (known == handlers_.end()) known = handlers_.find(kNoHandler);
  const auto found = std::find(kMethods.begin(), kMethods.end() - 1, method);
  const Place place{*known, static_cast<size_t>(found - kMethods.begin())};
  Series& series = series_[place];
  if (series.seconds == nullptr)
    series.seconds = &seconds_.Add(labels_of(place), kHttpSecondsBuckets);
  const auto status_class = static_cast<size_t>(std::clamp(status / 100, 1, 5) - 1);
  Counter*& counter = series.requests[status_class];
  if (counter == nullptr) {
    Labels labels = labels_of(place);
    labels["status"] = kStatusClasses[status_class];
    counter = &requests_.Add(labels);
  }
  counter->Increment();
  series.seconds->Observe(seconds);
}

}  // namespace trivet
