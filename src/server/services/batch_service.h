// Runs batches: files of requests that are answered when there is room.
#ifndef TRIVET_SERVER_SERVICES_BATCH_SERVICE_H_
#define TRIVET_SERVER_SERVICES_BATCH_SERVICE_H_

#include <atomic>
#include <list>
#include <memory>
#include <string>

#include "api/call.h"
#include "server/route.h"
#include "server/server.h"
#include "server/services/call_runner.h"
#include "state/batch_store.h"

namespace trivet {

class BatchJob;
class Services;

// A line is done when its answer is in the store, not before and not twice: a job goes on after a
// crash with the lines that have no answer. Members for routes are thread-safe and may wait for the
// disk.
class BatchService {
 public:
  static constexpr int kMaxJobs = 256;  // under way at once

  BatchService(Services& services, const ServerOptions& options);
  ~BatchService();

  // --- for routes ---
  Answer create(const RouteCall& call);
  Answer get(const RouteCall& call, const std::string& id);
  Answer list(const RouteCall& call, const std::string& after, int limit);
  Answer cancel(const RouteCall& call, const std::string& id);

  // Once, before anything else.
  void attach(const ServedModel& model) { model_.store(&model); }
  // Runner's thread: goes on with what the store says was under way.
  void take_up_all();
  // Any thread: no further line begins, and those under way are left for the next start.
  void suspend();

 private:
  friend class BatchJob;
  void begin(BatchRecord record);
  // Gives the engine lines, as many as may run at once.
  void pump();
  bool start_lines();
  void pump_soon();
  void remove_ended();
  void expire();
  bool idle() const { return suspended_.load() || model_.load() == nullptr; }

  Services& services_;
  const ServerOptions& options_;
  std::atomic<const ServedModel*> model_ = nullptr;
  std::atomic<bool> suspended_ = false;
  std::atomic<int> job_count_ = 0;
  std::list<std::unique_ptr<BatchJob>> jobs_;
  int running_lines_ = 0;
  bool engine_is_full_ = false;
  bool pump_posted_ = false, expiry_posted_ = false;
};

}  // namespace trivet

#endif  // TRIVET_SERVER_SERVICES_BATCH_SERVICE_H_
