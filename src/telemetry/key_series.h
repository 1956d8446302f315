// Metrics of each API key. Only for .cpp files of this module.
#ifndef TRIVET_TELEMETRY_KEY_SERIES_H_
#define TRIVET_TELEMETRY_KEY_SERIES_H_

#include <map>
#include <mutex>
#include <string>

#include "telemetry/samples.h"
#include "telemetry/series.h"

namespace trivet {

// Series appear when a key is first used; beyond kMaxKeys names all others share "other".
// Thread-safe.
class KeySeries {
 public:
  static constexpr size_t kMaxKeys = 64;

  KeySeries(prometheus::Registry& registry, Labels labels);

  void on_request_end(const RequestSample& sample);
  void on_refusal(std::string_view key, KeyRefusal reason);

 private:
  static constexpr std::array<std::string_view, 4> kReasons = {"requests", "tokens", "concurrency",
                                                               "model"};
  struct Series {
    Counter *requests, *prompt_tokens, *generation_tokens;
    std::array<Counter*, kReasons.size()> refusals;
    Histogram *first_token, *per_output_token;
  };
  const Series& series_of(std::string_view key);
  Series make(const std::string& label);

  Labels labels_;
  prometheus::Family<Counter>&requests_, &prompt_tokens_, &generation_tokens_, &refusals_;
  prometheus::Family<Histogram>&first_token_, &per_output_token_;
  std::mutex mutex_;
  std::map<std::string, Series, std::less<>> series_;  // nodes stay where they are
};

}  // namespace trivet

#endif  // TRIVET_TELEMETRY_KEY_SERIES_H_
