#include "server/server_state.h"

#include "server/services/services.h"

namespace trivet {
namespace {

size_t longest_body_of(const ServerOptions& options, std::span<const Route> routes) {
  size_t longest = options.max_body_bytes;
  for (const Route& route : routes) longest = std::max(longest, route.max_body_bytes);
  return longest;
}

}  // namespace

ServerState::ServerState(const ServerOptions& options, std::unique_ptr<KeyGuard> keys,
                         std::span<const Route> routes, EngineBridge& bridge, Metrics& metrics,
                         AccessLog* access_log, ParseWorkers& workers, const Clock& clock)
    : options_(options),
      keys_(std::move(keys)),
      routes_(routes),
      bridge_(bridge),
      metrics_(metrics),
      access_log_(access_log),
      workers_(workers),
      clock_(clock),
      longest_body_(longest_body_of(options, routes)),
      services_(std::make_unique<Services>(options_, bridge, metrics, *keys_, clock)) {}

// Its thread uses what dies before it.
ServerState::~ServerState() { services_->stop(); }

const ServedModel* ServerState::model() const { return engine() == nullptr ? nullptr : &model_; }

void ServerState::attach(Engine& engine, ServedModel model) {
  TRIVET_CHECK(this->engine() == nullptr);
  model_ = std::move(model);
  engine_.store(&engine, std::memory_order_release);
  services_->attach(engine, model_);
  ServerPhase loading = ServerPhase::kLoading;
  phase_.compare_exchange_strong(loading, ServerPhase::kServing, std::memory_order_acq_rel);
}

void ServerState::watch_engine() {
  const Engine* engine = this->engine();
  if (engine == nullptr) return;
  const EngineStats stats = engine->stats();
  const TimePoint now = clock_.now();
  const std::lock_guard lock(watch_mutex_);
  const bool has_work = !stats.resting && stats.running + stats.waiting > 0;
  if (!has_work || stats.steps != watched_steps_ || progress_at_ == TimePoint{}) {
    watched_steps_ = stats.steps;
    progress_at_ = now;
  }
  alive_.store(now - progress_at_ < options_.stall_timeout, std::memory_order_relaxed);
}

void ServerState::connection_opened() { connections_.fetch_add(1, std::memory_order_relaxed); }

void ServerState::connection_closed() {
  const std::lock_guard lock(idle_mutex_);
  if (connections_.fetch_sub(1, std::memory_order_relaxed) == 1) idle_.notify_all();
}

bool ServerState::wait_for_no_connections(TimePoint deadline) {
  std::unique_lock lock(idle_mutex_);
  return idle_.wait_until(lock, deadline, [this] { return connections() == 0; });
}

bool ServerState::reserve_body(size_t bytes) {
  size_t held = body_bytes_.load(std::memory_order_relaxed);
  do {
    if (bytes > options_.max_bodies_bytes - held) return false;
  } while (!body_bytes_.compare_exchange_weak(held, held + bytes, std::memory_order_relaxed));
  return true;
}

void ServerState::release_body(size_t bytes) {
  body_bytes_.fetch_sub(bytes, std::memory_order_relaxed);
}

}  // namespace trivet
