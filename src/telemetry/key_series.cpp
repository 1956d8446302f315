#include "telemetry/key_series.h"

namespace trivet {
namespace {

prometheus::Family<Counter>& counters(prometheus::Registry& registry, const char* name,
                                      const char* help) {
  return prometheus::BuildCounter().Name(name).Help(help).Register(registry);
}

prometheus::Family<Histogram>& histograms(prometheus::Registry& registry, const char* name,
                                          const char* help) {
  return prometheus::BuildHistogram().Name(name).Help(help).Register(registry);
}

}  // namespace

KeySeries::KeySeries(prometheus::Registry& registry, Labels labels)
    : labels_(std::move(labels)),
      requests_(
          counters(registry, "trivet:key_requests_total", "Requests that ended, by API key.")),
      prompt_tokens_(
          counters(registry, "trivet:key_prompt_tokens_total", "Prompt tokens, by API key.")),
      generation_tokens_(counters(registry, "trivet:key_generation_tokens_total",
                                  "Generated tokens, by API key.")),
      refusals_(counters(registry, "trivet:key_refusals_total",
                         "Requests refused by a limit of the API key.")),
      first_token_(histograms(registry, "trivet:key_time_to_first_token_seconds",
                              "Arrival to first token, by API key.")),
      per_output_token_(histograms(registry, "trivet:key_time_per_output_token_seconds",
                                   "Mean time per output token of a request, by API key.")) {}

KeySeries::Series KeySeries::make(const std::string& label) {
  Labels labels = labels_;
  labels["key"] = label;
  Series series{&requests_.Add(labels),
                &prompt_tokens_.Add(labels),
                &generation_tokens_.Add(labels),
                {},
                &first_token_.Add(labels, kFirstTokenBuckets),
                &per_output_token_.Add(labels, kTokenGapBuckets)};
  for (size_t i = 0; i < kReasons.size(); ++i) {
    Labels with_reason = labels;
    with_reason["reason"] = std::string(kReasons[i]);
    series.refusals[i] = &refusals_.Add(with_reason);
  }
  return series;
}

const KeySeries::Series& KeySeries::series_of(std::string_view key) {
  if (key.empty()) key = "anonymous";
  const std::lock_guard lock(mutex_);
  auto found = series_.find(key);
  if (found != series_.end()) return found->second;
  const std::string label = series_.size() < kMaxKeys ? std::string(key) : "other";
  found = series_.find(label);
  if (found == series_.end()) found = series_.emplace(label, make(label)).first;
  return found->second;
}

void KeySeries::on_request_end(const RequestSample& sample) {
  const Series& series = series_of(sample.key);
  series.requests->Increment();
  series.prompt_tokens->Increment(sample.prompt_tokens);
  series.generation_tokens->Increment(sample.generated_tokens);
  observe(series.first_token, sample.to_first_token);
  observe(series.per_output_token, sample.per_output_token);
}

void KeySeries::on_refusal(std::string_view key, KeyRefusal reason) {
  series_of(key).refusals[static_cast<size_t>(reason)]->Increment();
}

}  // namespace trivet
