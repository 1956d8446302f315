// One JSON line per answered HTTP request.
#ifndef TRIVET_TELEMETRY_ACCESS_LOG_H_
#define TRIVET_TELEMETRY_ACCESS_LOG_H_

#include <cstdint>
#include <iosfwd>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace spdlog {
class logger;
}

namespace trivet {

// Never holds a key, and prompt or answer text only where the operator asked for it.
struct AccessRecord {
  std::string_view request_id;
  std::string_view peer;  // address of the client
  std::string_view method;
  std::string_view path;    // without the query
  std::string_view tenant;  // name of the key; empty = anonymous
  int status = 0;           // as sent
  // How it ended: "stop", "length", ... of generation; "disconnect", "slow_reader", "timeout";
  // empty = plain.
  std::string_view finish;
  bool streamed = false;
  int prompt_tokens = 0, cached_tokens = 0, completion_tokens = 0;
  std::optional<double> first_token_seconds;  // request head to first token
  std::optional<double> per_token_seconds;    // mean gap after the first
  double total_seconds = 0.0;
  uint64_t bytes = 0;               // of the answer, with its head
  std::string_view prompt, answer;  // body of the request, text of the answer; empty = not logged
  std::string_view ignored_fields;  // of the body, which mean nothing here: "a,b"; empty = none
};

// The line, without its end: strings are escaped so that no byte of a client can end the line,
// forge a field or steer a terminal (bytes outside printable ASCII become \u00XX).
std::string format_access_line(const AccessRecord& record, int64_t unix_milliseconds);

// Thread-safe.
class AccessLog {
 public:
  static std::unique_ptr<AccessLog> to_stdout();
  // Appends to a file.
  static Result<std::unique_ptr<AccessLog>> to_file(const std::string& path);
  // `stream` must outlive the log.
  static std::unique_ptr<AccessLog> to_stream(std::ostream& stream);
  ~AccessLog();

  void write(const AccessRecord& record);
  void flush();

 private:
  explicit AccessLog(std::shared_ptr<spdlog::logger> logger);
  std::shared_ptr<spdlog::logger> logger_;
};

}  // namespace trivet

#endif  // TRIVET_TELEMETRY_ACCESS_LOG_H_
