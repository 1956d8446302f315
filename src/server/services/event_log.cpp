#include "server/services/event_log.h"

#include <utility>

namespace trivet {

void EventLog::append(std::string_view events) {
  const std::lock_guard lock(mutex_);
  if (ended_ || events.empty()) return;
  while (!events.empty()) {
    const size_t end = events.find(shape_.event_end);
    if (end == std::string_view::npos) break;
    const size_t size = end + shape_.event_end.size();
    append_one(events.substr(0, size));
    events.remove_prefix(size);
  }
  if (!events.empty()) append_one(events);
  tell_readers();
}

void EventLog::append_one(std::string_view event) {
  std::string bytes;
  if (shape_.numbered) bytes = "id: " + std::to_string(first_ + events_.size()) + "\n";
  bytes += event;
  bytes_ += bytes.size();
  events_.push_back(std::move(bytes));
  while (bytes_ > max_bytes_ && events_.size() > 1) drop_first();
}

void EventLog::drop_first() {
  bytes_ -= events_.front().size();
  events_.pop_front();
  ++first_;
}

void EventLog::keep_what_was_read() {
  const std::lock_guard lock(mutex_);
  read_once_ = false;
}

void EventLog::finish(RequestUsage usage) {
  const std::lock_guard lock(mutex_);
  if (!ended_) end(usage);
}

void EventLog::finish(HttpResponse response, RequestUsage usage, std::string last_bytes) {
  const std::lock_guard lock(mutex_);
  if (ended_) return;
  bytes_ += response.body.size();
  response_ = std::move(response);
  last_bytes_ = std::move(last_bytes);
  end(usage);
}

void EventLog::end(RequestUsage usage) {
  ended_ = true;
  usage_ = usage;
  cancel_ = nullptr;
  tell_readers();
}

void EventLog::redirect(std::shared_ptr<EventLog> successor) {
  const std::lock_guard lock(mutex_);
  if (ended_) return;
  successor_ = std::move(successor);
  end({});
}

std::shared_ptr<EventLog> EventLog::successor() const {
  const std::lock_guard lock(mutex_);
  return successor_;
}

void EventLog::on_cancel(std::function<void()> cancel) {
  {
    const std::lock_guard lock(mutex_);
    if (ended_) return;
    cancel_ = std::move(cancel);
    if (!cancel_asked_) return;
  }
  this->cancel();
}

void EventLog::cancel() {
  std::function<void()> cancel;
  {
    const std::lock_guard lock(mutex_);
    cancel_asked_ = true;
    cancel = std::exchange(cancel_, nullptr);
  }
  if (cancel) cancel();
}

bool EventLog::empty() const {
  const std::lock_guard lock(mutex_);
  return first_ + events_.size() == 0;
}

EventLog::Piece EventLog::read(uint64_t from, size_t max_bytes) {
  const std::lock_guard lock(mutex_);
  for (auto& [id, reader] : readers_) reader.told = false;
  Piece piece;
  piece.next = from;
  piece.lost = from < first_;
  if (piece.lost) return piece;
  while (read_once_ && first_ < from && !events_.empty()) drop_first();
  const uint64_t end = first_ + events_.size();
  while (piece.next < end && (piece.bytes.empty() || piece.bytes.size() < max_bytes)) {
    piece.bytes += events_[piece.next - first_];
    ++piece.next;
  }
  piece.ended = ended_ && piece.next >= end;
  return piece;
}

std::optional<HttpResponse> EventLog::response() const {
  const std::lock_guard lock(mutex_);
  return response_;
}

std::string EventLog::last_bytes() const {
  const std::lock_guard lock(mutex_);
  return last_bytes_;
}

bool EventLog::ended() const {
  const std::lock_guard lock(mutex_);
  return ended_;
}

RequestUsage EventLog::usage() const {
  const std::lock_guard lock(mutex_);
  return usage_;
}

size_t EventLog::bytes() const {
  const std::lock_guard lock(mutex_);
  return bytes_;
}

void EventLog::tell_readers() {
  for (auto& [id, reader] : readers_) {
    if (std::exchange(reader.told, true)) continue;
    reader.notify();
  }
}

uint64_t EventLog::subscribe(std::function<void()> notify) {
  const std::lock_guard lock(mutex_);
  readers_.emplace(next_reader_, Reader{std::move(notify)});
  return next_reader_++;
}

void EventLog::unsubscribe(uint64_t subscription) {
  const std::lock_guard lock(mutex_);
  readers_.erase(subscription);
  if (readers_.empty()) alone_since_ = SteadyClock().now();
}

std::optional<TimePoint> EventLog::alone_since() const {
  const std::lock_guard lock(mutex_);
  return readers_.empty() ? std::optional(alone_since_) : std::nullopt;
}

}  // namespace trivet
