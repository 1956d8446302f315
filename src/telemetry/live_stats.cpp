#include "telemetry/live_stats.h"

#include "telemetry/process_stats.h"

namespace trivet {
namespace {

constexpr size_t kRecentSeconds = 5;

double unix_now() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

uint64_t growth(uint64_t before, uint64_t after) { return after > before ? after - before : 0; }

std::optional<double> share(uint64_t part, uint64_t whole) {
  if (whole == 0) return std::nullopt;
  return static_cast<double>(part) / static_cast<double>(whole);
}

}  // namespace

LiveStats::LiveStats(const SloTargets& targets, const Clock& clock)
    : targets_(targets),
      clock_(clock),
      started_(clock.now()),
      unix_started_(unix_now()),
      window_(kWindowSeconds) {}

// Brings the books to the second that the clock shows; seconds in which nothing happened are
// recorded too.
void LiveStats::roll() {
  const auto now = static_cast<int64_t>(seconds_between(started_, clock_.now()));
  if (second_ >= now) return;
  if (now - second_ > kHistorySeconds) second_ = now - kHistorySeconds;
  const int64_t resident_bytes = read_resident_bytes();
  while (second_ < now) finish_second(resident_bytes);
}

void LiveStats::finish_second(int64_t resident_bytes) {
  const LogHistogram& gaps = slot().latencies[kTokenGap];
  current_.unix_second = static_cast<int64_t>(unix_started_) + second_;
  current_.first_token_median = slot().latencies[kFirstToken].quantile(0.5);
  current_.per_output_token_median = slot().latencies[kPerOutputToken].quantile(0.5);
  current_.token_gap_mean = gaps.mean();
  current_.resident_bytes = resident_bytes;
  history_.push_back(current_);
  if (history_.size() > kHistorySeconds) history_.pop_front();
  ++second_;
  slot() = {};
  current_ = {};
  current_.running = newest_.running;
  current_.waiting = newest_.waiting;
  current_.kv_usage = newest_.kv_usage;
}

void LiveStats::on_step(const StepSample& sample) {
  const std::lock_guard lock(mutex_);
  roll();
  current_.generated_tokens += growth(newest_.generated_tokens, sample.generated_tokens);
  current_.prompt_tokens += growth(newest_.prompt_tokens, sample.prompt_tokens);
  current_.running = std::max(current_.running, sample.running);
  current_.waiting = std::max(current_.waiting, sample.waiting);
  current_.kv_usage = std::max(current_.kv_usage, sample.kv_usage);
  slot().prefix_query_tokens += growth(newest_.prefix_query_tokens, sample.prefix_query_tokens);
  slot().prefix_hit_tokens += growth(newest_.prefix_hit_tokens, sample.prefix_hit_tokens);
  if (sample.rows > 0) {
    ++current_.steps;
    ++totals_.steps;
    current_.step_tokens += static_cast<uint64_t>(sample.rows);
    current_.step_seconds += sample.seconds;
  }
  newest_ = sample;
}

void LiveStats::on_request_end(const RequestSample& sample) {
  const std::lock_guard lock(mutex_);
  roll();
  ++totals_.requests;
  ++current_.finished;
  const auto add = [&](Latency latency, const std::optional<double>& seconds) {
    if (seconds) slot().latencies[latency].add(*seconds);
  };
  add(kFirstToken, sample.to_first_token);
  add(kPerOutputToken, sample.per_output_token);
  add(kQueue, sample.queue);
  add(kTotal, sample.total);
  if (sample.end == RequestEnd::kAbort) {
    ++totals_.aborted;  // the client's choice: neither kept nor broken
    return;
  }
  ++slot().requests;
  if (sample.end == RequestEnd::kError) {
    ++totals_.errors;
    ++current_.failed;
    ++slot().failures;
  } else if (sample.to_first_token.value_or(0.0) <= targets_.first_token_seconds &&
             sample.per_output_token.value_or(0.0) <= targets_.per_output_token_seconds) {
    ++slot().good;
  }
}

void LiveStats::on_rejection(Rejection reason) {
  const std::lock_guard lock(mutex_);
  roll();
  ++totals_.rejected;
  if (reason == Rejection::kRateLimit) return;  // the client asked for more than it may have
  ++slot().requests;
  ++slot().failures;
  ++current_.failed;
}

void LiveStats::on_token_gap(double seconds, int count) {
  if (count <= 0) return;
  const std::lock_guard lock(mutex_);
  roll();
  slot().latencies[kTokenGap].add(seconds, static_cast<uint32_t>(count));
}

LatencyPercentiles LiveStats::summarise(Latency latency) const {
  LogHistogram all;
  for (const Slot& slot : window_) all.add(slot.latencies[latency]);
  return {all.count(), all.mean(), all.quantile(0.5), all.quantile(0.9), all.quantile(0.99)};
}

void LiveStats::add_window(LiveSnapshot& snapshot) const {
  Slot sum;
  for (const Slot& slot : window_) {
    sum.requests += slot.requests;
    sum.good += slot.good;
    sum.failures += slot.failures;
    sum.prefix_query_tokens += slot.prefix_query_tokens;
    sum.prefix_hit_tokens += slot.prefix_hit_tokens;
  }
  snapshot.window_requests = sum.requests;
  snapshot.window_failures = sum.failures;
  snapshot.goodput_ratio = share(sum.good, sum.requests);
  snapshot.failure_ratio = share(sum.failures, sum.requests);
  snapshot.cache_hit_rate = share(sum.prefix_hit_tokens, sum.prefix_query_tokens);
  snapshot.first_token = summarise(kFirstToken);
  snapshot.per_output_token = summarise(kPerOutputToken);
  snapshot.token_gap = summarise(kTokenGap);
  snapshot.queue = summarise(kQueue);
  snapshot.total = summarise(kTotal);
}

void LiveStats::add_recent(LiveSnapshot& snapshot) const {
  const size_t count = std::min(history_.size(), kRecentSeconds);
  snapshot.recent_seconds = static_cast<int>(count);
  for (size_t i = history_.size() - count; i < history_.size(); ++i) {
    snapshot.recent.generated_tokens += history_[i].generated_tokens;
    snapshot.recent.prompt_tokens += history_[i].prompt_tokens;
    snapshot.recent.finished += history_[i].finished;
    snapshot.recent.steps += history_[i].steps;
    snapshot.recent.step_tokens += history_[i].step_tokens;
    snapshot.recent.step_seconds += history_[i].step_seconds;
  }
}

LiveSnapshot LiveStats::snapshot(int history_seconds) {
  const std::lock_guard lock(mutex_);
  roll();
  LiveSnapshot snapshot;
  snapshot.uptime_seconds = seconds_between(started_, clock_.now());
  snapshot.unix_seconds = unix_started_ + snapshot.uptime_seconds;
  snapshot.step = newest_;
  snapshot.totals = totals_;
  add_window(snapshot);
  add_recent(snapshot);
  const size_t count = std::min(history_.size(), static_cast<size_t>(std::max(history_seconds, 0)));
  snapshot.history.assign(history_.end() - static_cast<std::ptrdiff_t>(count), history_.end());
  return snapshot;
}

}  // namespace trivet
