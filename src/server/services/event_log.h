// The bytes of one answer, kept so that clients can read it from any place, and again.
#ifndef TRIVET_SERVER_SERVICES_EVENT_LOG_H_
#define TRIVET_SERVER_SERVICES_EVENT_LOG_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "engine/engine.h"
#include "server/http/message.h"

namespace trivet {

// What a reader must know before the first byte.
struct StreamShape {
  std::string content_type = "text/event-stream; charset=utf-8";
  std::string ping = ": ping\n\n";  // into a silent stream; empty = none
  std::string_view event_end = "\n\n";
  bool read_once = false;  // what its one reader has read is dropped
  bool numbered = false;   // each event begins with "id: N\n", N counted from 0
};

// An answer is either a stream of events or one whole response. Events are numbered from 0. Of a
// long stream only the newest events are kept. Thread-safe.
class EventLog {
 public:
  static constexpr size_t kMaxBytes = 8 << 20;

  explicit EventLog(StreamShape shape = {}, size_t max_bytes = kMaxBytes)
      : shape_(std::move(shape)), max_bytes_(max_bytes), read_once_(shape_.read_once) {}

  // --- the writer ---
  // Whole events, as the shape ends them.
  void append(std::string_view events);
  void finish(RequestUsage usage = {});
  // Ends with a whole response. Also an error before the first event; `last_bytes` are for those
  // whose stream is open already.
  void finish(HttpResponse response, RequestUsage usage = {}, std::string last_bytes = {});
  // Nothing comes here: the answer is in the other log.
  void redirect(std::shared_ptr<EventLog> successor);
  // There will be other readers; before the first read().
  void keep_what_was_read();
  // What cancel() runs, once; not after finish(). At once if somebody has asked for it before.
  void on_cancel(std::function<void()> cancel);

  // --- readers ---
  struct Piece {
    std::string bytes;
    uint64_t next = 0;   // read on from here
    bool lost = false;   // events from the asked one on are gone
    bool ended = false;  // nothing will follow
  };
  // Some events from number `from` on: at least one if there is one, then up to `max_bytes`.
  Piece read(uint64_t from, size_t max_bytes);
  // The whole response; absent: still running, or a stream.
  std::optional<HttpResponse> response() const;
  std::string last_bytes() const;
  std::shared_ptr<EventLog> successor() const;  // null = none
  bool ended() const;
  RequestUsage usage() const;
  size_t bytes() const;
  bool empty() const;  // no event so far
  const StreamShape& shape() const { return shape_; }
  // Stops the work behind it, if it goes on.
  void cancel();

  // `notify` is called on the writer's thread at news, under the log's lock: it must only post. It
  // is called once, until the next read(): readers that lag behind are not flooded. Not called
  // after unsubscribe().
  uint64_t subscribe(std::function<void()> notify);
  void unsubscribe(uint64_t subscription);
  // When the last reader left; absent while there is one. `created` until the first one came.
  std::optional<TimePoint> alone_since() const;

 private:
  struct Reader {
    std::function<void()> notify;
    bool told = false;
  };
  void append_one(std::string_view event);
  void drop_first();
  void tell_readers();
  void end(RequestUsage usage);

  const StreamShape shape_;
  const size_t max_bytes_;
  mutable std::mutex mutex_;
  bool read_once_;
  std::deque<std::string> events_;
  uint64_t first_ = 0;  // number of events_.front()
  size_t bytes_ = 0;
  bool ended_ = false;
  std::optional<HttpResponse> response_;
  std::string last_bytes_;
  std::shared_ptr<EventLog> successor_;
  RequestUsage usage_;
  std::function<void()> cancel_;
  bool cancel_asked_ = false;
  std::map<uint64_t, Reader> readers_;
  uint64_t next_reader_ = 1;
  TimePoint alone_since_ = SteadyClock().now();
};

}  // namespace trivet

#endif  // TRIVET_SERVER_SERVICES_EVENT_LOG_H_
