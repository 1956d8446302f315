// One request of a load run on the wire.
#ifndef TRIVET_LOADGEN_EXCHANGE_H_
#define TRIVET_LOADGEN_EXCHANGE_H_

#include <curl/curl.h>
#include <simdjson.h>

#include <chrono>
#include <memory>
#include <string>

#include "loadgen/event_stream.h"
#include "loadgen/load_client.h"

namespace trivet {

using LoadClock = std::chrono::steady_clock;

struct CurlHandleDeleter {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};
using CurlHandle = std::unique_ptr<CURL, CurlHandleDeleter>;

// What all requests of a run share.
struct LoadTarget {
  std::string address;            // of the endpoint
  curl_slist* headers = nullptr;  // owned by the run
  double timeout_seconds = 0;
  LoadClock::time_point begin;

  double now() const { return std::chrono::duration<double>(LoadClock::now() - begin).count(); }
};

// Must stay where it is while curl works on it.
class Exchange {
 public:
  Exchange(const LoadTarget& target, uint64_t index, double due, std::string body);
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  CURL* handle() const { return handle_.get(); }
  // The transfer is over.
  RequestRecord finish(CURLcode code);

 private:
  static size_t on_bytes(char* data, size_t size, size_t count, void* context);
  void take_bytes(std::string_view bytes);
  void take_event(std::string_view data);
  void take_usage(simdjson::dom::element usage);
  void note_text();

  const LoadTarget& target_;
  CurlHandle handle_;
  std::string body_;
  EventStream events_;
  simdjson::dom::parser parser_;
  RequestRecord record_;
  std::string refusal_;  // the beginning of an answer that is not a stream
  double last_text_ = 0;
  int text_events_ = 0;
  bool finished_ = false;  // a finish reason came
  bool done_ = false;      // [DONE] came
};

}  // namespace trivet

#endif  // TRIVET_LOADGEN_EXCHANGE_H_
