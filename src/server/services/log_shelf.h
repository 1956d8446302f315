// Answers that clients may come back to, for a while.
#ifndef TRIVET_SERVER_SERVICES_LOG_SHELF_H_
#define TRIVET_SERVER_SERVICES_LOG_SHELF_H_

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "base/clock.h"
#include "server/services/event_log.h"

namespace trivet {

// Keeps logs under keys, within bounds. Thread-safe.
class LogShelf {
 public:
  struct Limits {
    size_t max_logs = 4096;
    size_t max_bytes = 128 << 20;  // of all that have ended; the oldest go first
    Duration keep_ended = std::chrono::minutes(10);
    Duration keep_alone = std::chrono::minutes(5);  // running without a reader; then cancelled
  };
  struct Entry {
    std::shared_ptr<EventLog> log;
    std::string tag;  // whatever distinguishes uses of the key
    TimePoint added;
  };

  LogShelf(const Limits& limits, const Clock& clock) : limits_(limits), clock_(clock) {}

  // The log under the key; null log = none.
  Entry find(const std::string& key);
  // What is under the key already, else `log`, which is under it from now on. Null log: the shelf
  // is full of logs that still run.
  Entry add(const std::string& key, std::shared_ptr<EventLog> log, const std::string& tag = "");
  void remove(const std::string& key);
  // Another log under a key that is there.
  void replace(const std::string& key, std::shared_ptr<EventLog> log);
  // Drops what is over its time and cancels what nobody reads. Now and then.
  void sweep();

 private:
  void make_room();
  const Limits limits_;
  const Clock& clock_;
  std::mutex mutex_;
  std::map<std::string, Entry> entries_;
};

}  // namespace trivet

#endif  // TRIVET_SERVER_SERVICES_LOG_SHELF_H_
