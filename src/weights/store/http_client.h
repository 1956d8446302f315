// HTTP GET with redirects under control, on libcurl.
#ifndef TRIVET_WEIGHTS_STORE_HTTP_CLIENT_H_
#define TRIVET_WEIGHTS_STORE_HTTP_CLIENT_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"

namespace trivet {

struct HttpRequest {
  std::string url;
  std::string bearer_token;  // goes to the origin of `url` only, not to where that redirects
  uint64_t range_begin = 0;  // 0 = whole
  std::string if_range;      // entity tag that the range belongs to; empty = none
};

struct HttpReply {
  int status = 0;
  std::string url;  // that answered in the end
  // Lower-case names. What the hops before said in x-linked-* and x-repo-* is kept, as the Hugging
  // Face hub describes a file in the redirect to its storage.
  std::map<std::string, std::string> headers;

  std::optional<std::string> header(const std::string& name) const;
};

// Gets a successful (2xx) response before its first byte, and every piece of its body. An error
// stops the transfer and is returned from get().
struct HttpSink {
  std::function<Result<void>(const HttpReply&)> begin;
  std::function<Result<void>(std::span<const std::byte>)> body;
  // Asked about once a second, also while nothing comes; false ends the transfer with kCancelled.
  std::function<bool()> keep_going = {};
};

// One thread at a time; keeps connections open. A public address may not redirect to one of a
// private network: that would let a stranger's answer choose what is asked there.
class HttpClient {
 public:
  struct Options {
    int connect_seconds = 30;
    int stall_seconds = 60;
    int max_redirects = 10;
  };

  explicit HttpClient(Options options);
  HttpClient(HttpClient&&) noexcept;
  ~HttpClient();

  // Statuses other than 2xx become errors: 401 kUnauthenticated, 403 kPermissionDenied, 404
  // kNotFound, 416 kInvalidArgument, 429 kResourceExhausted, 5xx and all trouble of the network
  // kUnavailable.
  Result<HttpReply> get(const HttpRequest& request, const HttpSink& sink);
  // The body as text; more than max_bytes is an error.
  Result<std::string> get_text(const HttpRequest& request, size_t max_bytes,
                               const std::function<bool()>& keep_going = {});

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// An address without user, password, query and fragment: a signed one must not reach a log or a
// manifest.
std::string shown_url(const std::string& address);

// For one component ('/' becomes %2F) or for a path ('/' stays).
std::string url_encode(std::string_view text, bool keep_slash);

}  // namespace trivet

#endif  // TRIVET_WEIGHTS_STORE_HTTP_CLIENT_H_
