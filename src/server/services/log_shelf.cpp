#include "server/services/log_shelf.h"

#include <algorithm>
#include <vector>

namespace trivet {

LogShelf::Entry LogShelf::find(const std::string& key) {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(key);
  return found == entries_.end() ? Entry{} : found->second;
}

LogShelf::Entry LogShelf::add(const std::string& key, std::shared_ptr<EventLog> log,
                              const std::string& tag) {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(key);
  if (found != entries_.end()) return found->second;
  make_room();
  if (entries_.size() >= limits_.max_logs) return {};
  return entries_[key] = {std::move(log), tag, clock_.now()};
}

void LogShelf::remove(const std::string& key) {
  const std::lock_guard lock(mutex_);
  entries_.erase(key);
}

void LogShelf::replace(const std::string& key, std::shared_ptr<EventLog> log) {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(key);
  if (found != entries_.end()) found->second.log = std::move(log);
}

// Of those that have ended, the oldest go until the rest is within the bounds.
void LogShelf::make_room() {
  std::vector<std::pair<TimePoint, std::string>> ended;
  size_t bytes = 0;
  for (const auto& [key, entry] : entries_) {
    if (!entry.log->ended()) continue;
    bytes += entry.log->bytes();
    ended.emplace_back(entry.added, key);
  }
  if (bytes <= limits_.max_bytes && entries_.size() < limits_.max_logs) return;
  std::sort(ended.begin(), ended.end());
  for (const auto& [added, key] : ended) {
    if (bytes <= limits_.max_bytes && entries_.size() < limits_.max_logs) return;
    bytes -= entries_[key].log->bytes();
    entries_.erase(key);
  }
}

void LogShelf::sweep() {
  const TimePoint now = clock_.now();
  std::vector<std::shared_ptr<EventLog>> abandoned;
  {
    const std::lock_guard lock(mutex_);
    std::erase_if(entries_, [&](const auto& item) {
      const EventLog& log = *item.second.log;
      const std::optional<TimePoint> alone = log.alone_since();
      if (!alone) return false;
      if (log.ended()) {
        return now - std::max(*alone, item.second.added) >= limits_.keep_ended;
      }
      if (now - *alone >= limits_.keep_alone) abandoned.push_back(item.second.log);
      return false;
    });
    make_room();
  }
  for (const auto& log : abandoned) log->cancel();
}

}  // namespace trivet
