// What all connections of a server share.
#ifndef TRIVET_SERVER_SERVER_STATE_H_
#define TRIVET_SERVER_SERVER_STATE_H_

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <span>

#include "base/clock.h"
#include "server/guard/key_guard.h"
#include "server/live_call.h"
#include "server/route.h"
#include "server/server.h"

namespace trivet {

class ParseWorkers;
class Services;

enum class ServerPhase { kLoading, kServing, kDraining };

// Thread-safe.
class ServerState {
 public:
  ServerState(const ServerOptions& options, std::unique_ptr<KeyGuard> keys,
              std::span<const Route> routes, EngineBridge& bridge, Metrics& metrics,
              AccessLog* access_log, ParseWorkers& workers, const Clock& clock);
  ~ServerState();

  const ServerOptions& options() const { return options_; }
  KeyGuard& keys() const { return *keys_; }
  std::span<const Route> routes() const { return routes_; }
  EngineBridge& bridge() const { return bridge_; }
  Metrics& metrics() const { return metrics_; }
  AccessLog* access_log() const { return access_log_; }
  ParseWorkers& workers() const { return workers_; }
  const Clock& clock() const { return clock_; }

  ServerPhase phase() const { return phase_.load(std::memory_order_acquire); }
  // Both null until attach().
  Engine* engine() const { return engine_.load(std::memory_order_acquire); }
  const ServedModel* model() const;
  void attach(Engine& engine, ServedModel model);
  void begin_drain() { phase_.store(ServerPhase::kDraining, std::memory_order_release); }

  // Call about once a second: notices an engine that has work but makes no step.
  void watch_engine();
  bool alive() const { return alive_.load(std::memory_order_relaxed); }

  // Connections, counted while they exist.
  int connections() const { return connections_.load(std::memory_order_relaxed); }
  void connection_opened();
  void connection_closed();
  // False if some are left at the deadline.
  bool wait_for_no_connections(TimePoint deadline);

  // Bytes of request bodies held by the server; false (nothing taken) if that would exceed the
  // limit.
  bool reserve_body(size_t bytes);
  void release_body(size_t bytes);
  size_t longest_body() const { return longest_body_; }  // that any route takes

  // Only once there is an engine.
  EngineAccess engine_access() const {
    return {.bridge = bridge_,
            .engine = *engine(),
            .metrics = &metrics_,
            .keys = keys_.get(),
            .clock = &clock_,
            .traces = options_.traces != nullptr,
            .logs_text = options_.log_prompts};
  }
  Services& services() const { return *services_; }

 private:
  const ServerOptions options_;
  const std::unique_ptr<KeyGuard> keys_;
  const std::span<const Route> routes_;
  EngineBridge& bridge_;
  Metrics& metrics_;
  AccessLog* const access_log_;
  ParseWorkers& workers_;
  const Clock& clock_;
  const size_t longest_body_;
  const std::unique_ptr<Services> services_;

  ServedModel model_;  // written before engine_
  std::atomic<Engine*> engine_ = nullptr;
  std::atomic<ServerPhase> phase_ = ServerPhase::kLoading;

  std::mutex watch_mutex_;
  uint64_t watched_steps_ = 0;
  TimePoint progress_at_{};
  std::atomic<bool> alive_ = true;

  std::atomic<size_t> body_bytes_ = 0;
  std::atomic<int> connections_ = 0;
  std::mutex idle_mutex_;
  std::condition_variable idle_;
};

}  // namespace trivet

#endif  // TRIVET_SERVER_SERVER_STATE_H_
