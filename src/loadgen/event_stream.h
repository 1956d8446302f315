// Server-sent events out of pieces of bytes.
#ifndef TRIVET_LOADGEN_EVENT_STREAM_H_
#define TRIVET_LOADGEN_EVENT_STREAM_H_

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace trivet {

// Gives the data of each event to a function. Only "data" fields count; comments and others are
// skipped. Bounded: an event longer than kMaxEventBytes ends the stream with overflowed().
class EventStream {
 public:
  static constexpr size_t kMaxEventBytes = 8 << 20;
  using OnData = std::function<void(std::string_view data)>;

  explicit EventStream(OnData on_data) : on_data_(std::move(on_data)) {}
  void feed(std::string_view bytes);
  bool overflowed() const { return overflowed_; }

 private:
  void take_line(std::string_view line);

  OnData on_data_;
  std::string line_;  // begun, without its end
  std::string data_;  // of the event so far
  bool has_data_ = false;
  bool after_return_ = false;  // the last byte was a carriage return
  bool overflowed_ = false;
};

}  // namespace trivet

#endif  // TRIVET_LOADGEN_EVENT_STREAM_H_
