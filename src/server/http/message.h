// HTTP requests and responses as values, without sockets.
#ifndef TRIVET_SERVER_HTTP_MESSAGE_H_
#define TRIVET_SERVER_HTTP_MESSAGE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/call.h"

namespace trivet {

using HeaderFields = std::vector<std::pair<std::string, std::string>>;

// Request line and header fields. Valid HTTP by construction (HttpRequestParser makes it).
struct HttpHead {
  std::string method;
  std::string path;   // of the target, as sent: percent-encoded, without query
  std::string query;  // after "?", as sent
  bool http_1_0 = false;
  bool keep_alive = true;
  bool expects_continue = false;
  bool has_body = false;                   // one follows (its length may be 0 if chunked)
  std::optional<uint64_t> content_length;  // absent: chunked or no body
  HeaderFields fields;

  // Value of the first field of that name, any case; null = absent.
  const std::string* find(std::string_view name) const;
  static const HttpHead& none();  // of no request
};

struct HttpResponse {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
  HeaderFields fields;  // further ones
  // Of an error: written into the body in the shape of the path's wire format when it is sent.
  std::optional<ApiError> error = std::nullopt;
};

HttpResponse error_response(const ApiError& error);
// An error of the HTTP layer itself, in the same JSON shape. `type` as clients see it.
HttpResponse error_response(int status, std::string type, std::string message,
                            std::optional<int> retry_after_seconds = std::nullopt);

std::string_view reason_phrase(int status);
// "Sun, 06 Nov 1994 08:49:37 GMT"
std::string http_date(int64_t unix_seconds);
// "%41" -> "A"; absent for broken escapes and for NUL bytes.
std::optional<std::string> percent_decode(std::string_view text);
// 1..128 characters of [A-Za-z0-9._:-]: safe in logs, headers and engine ids.
bool is_valid_request_id(std::string_view id);
bool equal_ignoring_case(std::string_view a, std::string_view b);

}  // namespace trivet

#endif  // TRIVET_SERVER_HTTP_MESSAGE_H_
