// Turns what the engine reports into metrics.
#ifndef TRIVET_SERVER_ENGINE_TELEMETRY_H_
#define TRIVET_SERVER_ENGINE_TELEMETRY_H_

#include "engine/engine.h"
#include "telemetry/metrics.h"

namespace trivet {

// The engine's observer. `metrics` must outlive it. Engine thread only.
class EngineTelemetry final : public EngineObserver {
 public:
  explicit EngineTelemetry(Metrics& metrics) : metrics_(metrics) {}
  void on_step(const EngineStats& stats, int rows, double seconds) override;
  void on_finish(const RequestOutput& last, const EngineRequest& request) override;

 private:
  Metrics& metrics_;
};

// Seconds between two stages of a request; absent if either was not reached.
std::optional<double> stage_seconds(TimePoint from, TimePoint to);
// Mean time per token after the first one of each choice; absent with one token per choice.
std::optional<double> seconds_per_output_token(const RequestTiming& timing, int completion_tokens,
                                               int choices);

}  // namespace trivet

#endif  // TRIVET_SERVER_ENGINE_TELEMETRY_H_
