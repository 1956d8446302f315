// Bytes to HTTP/1.x requests, one after the other.
#ifndef TRIVET_SERVER_HTTP_PARSER_H_
#define TRIVET_SERVER_HTTP_PARSER_H_

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "server/http/message.h"

namespace trivet {

// Boost.Beast's parser with stricter rules on top: both Content-Length and Transfer-Encoding, a
// transfer coding other than chunked, and HTTP/1.1 without exactly one Host are refused. Not
// thread-safe.
class HttpRequestParser {
 public:
  struct Limits {
    size_t head_bytes = 16 << 10;
    size_t body_bytes = 8 << 20;
  };
  enum class Stage { kHead, kBody, kDone, kFailed };

  explicit HttpRequestParser(const Limits& limits);
  ~HttpRequestParser();

  // Takes bytes from the front and returns how many. The rest must be offered again, with more
  // behind it. Stops at the end of the head, so that the caller can decide before the body, and at
  // the end of the body.
  size_t consume(std::string_view bytes);

  Stage stage() const { return stage_; }
  bool at_start() const { return !started_; }  // nothing consumed since reset()
  // From kBody on; in kFailed at least method and path, if they are known.
  const HttpHead& head() const { return head_; }
  // Another limit for this request; while its head has been read, but not its body.
  void limit_body(size_t bytes);
  size_t body_size() const;                                  // received so far
  std::string take_body();                                   // in kDone
  const HttpResponse& failure() const { return *failure_; }  // what to answer; in kFailed

  // Ready for the next request.
  void reset();

 private:
  struct Beast;
  void read_request_line();
  void finish_head();
  void fail(int status, std::string message);

  Limits limits_;
  std::unique_ptr<Beast> beast_;
  Stage stage_ = Stage::kHead;
  bool started_ = false;
  HttpHead head_;
  size_t body_limit_ = 0;      // of this request
  size_t raw_body_bytes_ = 0;  // with chunk framing
  std::optional<HttpResponse> failure_;
};

}  // namespace trivet

#endif  // TRIVET_SERVER_HTTP_PARSER_H_
