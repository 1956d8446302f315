// Metrics of HTTP answers. Only for .cpp files of this module.
#ifndef TRIVET_TELEMETRY_HTTP_SERIES_H_
#define TRIVET_TELEMETRY_HTTP_SERIES_H_

#include <map>
#include <mutex>
#include <set>
#include <string>
#include <string_view>

#include "telemetry/series.h"

namespace trivet {

// A series appears with the first answer that it counts: most combinations of endpoint, method and
// status never occur, and scrapes should stay small. Unknown methods and handlers share "other" and
// "none". Thread-safe.
class HttpSeries {
 public:
  explicit HttpSeries(prometheus::Registry& registry);

  void add_handler(std::string_view handler);
  void on_http(std::string_view method, std::string_view handler, int status, double seconds);

 private:
  static constexpr std::array<std::string_view, 5> kMethods = {"GET", "HEAD", "POST", "OPTIONS",
                                                               "other"};
  struct Place {
    std::string_view handler;
    size_t method;
    auto operator<=>(const Place&) const = default;
  };
  struct Series {
    std::array<Counter*, 5> requests{};  // by status class
    Histogram* seconds = nullptr;
  };
  Labels labels_of(const Place& place) const;

  prometheus::Family<Counter>& requests_;
  prometheus::Family<Histogram>& seconds_;
  std::mutex mutex_;
  std::set<std::string, std::less<>> handlers_;
  std::map<Place, Series> series_;  // handlers are views into handlers_
};

}  // namespace trivet

#endif  // TRIVET_TELEMETRY_HTTP_SERIES_H_
