#include "weights/store/http_client.h"

#include <curl/curl.h>

#include <sys/socket.h>

#include <algorithm>
#include <cctype>
#include <mutex>
#include <set>

#include "weights/store/private_address.h"

namespace trivet {
namespace {

constexpr size_t kMaxErrorBody = 4096;
constexpr size_t kMaxHeaders = 200;
constexpr size_t kMaxHttpHeaderBytes = 16384;

struct Origin {
  std::string scheme, host, port;
  auto operator<=>(const Origin&) const = default;
};

std::string url_part(CURLU* url, CURLUPart part, unsigned flags = 0) {
  char* text = nullptr;
  if (curl_url_get(url, part, &text, flags) != CURLUE_OK) return "";
  std::string copy(text);
  curl_free(text);
  return copy;
}

Origin origin_of(const std::string& address) {
  std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> url(curl_url(), &curl_url_cleanup);
  if (!url || curl_url_set(url.get(), CURLUPART_URL, address.c_str(), 0) != CURLUE_OK) return {};
  return {url_part(url.get(), CURLUPART_SCHEME), url_part(url.get(), CURLUPART_HOST),
          url_part(url.get(), CURLUPART_PORT, CURLU_DEFAULT_PORT)};
}

bool kept_across_redirects(std::string_view name) {
  return name.starts_with("x-linked-") || name.starts_with("x-repo-");
}

// One hop of a request.
struct Transfer {
  CURL* curl = nullptr;
  HttpReply response;
  const HttpSink* sink = nullptr;
  bool begun = false;
  std::string error_body;
  std::optional<Error> problem;  // of the sink
  bool may_be_private = true;    // where this hop leads
  bool is_private = false;       // as seen when it connected
  bool refused = false;

  bool is_success() const { return response.status >= 200 && response.status < 300; }

  Result<void> begin() {
    if (begun) return {};
    begun = true;
    return sink->begin ? sink->begin(response) : Result<void>();
  }
};

size_t on_header(char* data, size_t, size_t size, void* context) {
  auto& transfer = *static_cast<Transfer*>(context);
  std::string_view line(data, size);
  if (line.starts_with("HTTP/")) {  // a new answer, such as after "100 Continue"
    std::erase_if(transfer.response.headers,
                  [](const auto& header) { return !kept_across_redirects(header.first); });
    return size;
  }
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos || transfer.response.headers.size() >= kMaxHeaders ||
      size > kMaxHttpHeaderBytes) {
    return size;
  }
  std::string name(line.substr(0, colon));
  std::ranges::transform(name, name.begin(), [](unsigned char c) { return std::tolower(c); });
  const size_t begin = line.find_first_not_of(" \t", colon + 1);
  const size_t end = line.find_last_not_of(" \t\r\n");
  transfer.response.headers[name] =
      begin == std::string_view::npos || end < begin ? "" : line.substr(begin, end - begin + 1);
  return size;
}

size_t on_body(char* data, size_t, size_t size, void* context) {
  auto& transfer = *static_cast<Transfer*>(context);
  long status = 0;
  curl_easy_getinfo(transfer.curl, CURLINFO_RESPONSE_CODE, &status);
  transfer.response.status = static_cast<int>(status);
  if (!transfer.is_success()) {
    const size_t room = kMaxErrorBody - transfer.error_body.size();
    transfer.error_body.append(data, std::min(room, size));
    return size;
  }
  Result<void> result = transfer.begin();
  if (result.ok()) {
    result = transfer.sink->body(std::as_bytes(std::span<const char>(data, size)));
  }
  if (result.ok()) return size;
  transfer.problem = result.error();
  return 0;
}

int on_progress(void* context, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  const auto& transfer = *static_cast<const Transfer*>(context);
  return transfer.sink->keep_going && !transfer.sink->keep_going() ? 1 : 0;
}

// Sees every address before it is connected to, whatever a name resolved to.
curl_socket_t on_open_socket(void* context, curlsocktype, curl_sockaddr* address) {
  auto& transfer = *static_cast<Transfer*>(context);
  if (is_private_address(address->addr)) {
    transfer.is_private = true;
    if (!transfer.may_be_private) {
      transfer.refused = true;
      return CURL_SOCKET_BAD;
    }
  }
  return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

Error status_error(const Transfer& transfer, const std::string& url) {
  const int status = transfer.response.status;
  std::string message = shown_url(url) + ": the server answered " + std::to_string(status);
  const auto said = transfer.response.header("x-error-message");
  if (said) message += " (" + said->substr(0, 300) + ")";
  switch (status) {
    case 401:
      return Error(ErrorCode::kUnauthenticated,
                   message + ": it does not exist, or needs a token (HF_TOKEN, --token)");
    case 403:
      return Error(ErrorCode::kPermissionDenied,
                   message +
                       ": the token may not read it; accept the model's terms on its page, "
                       "or use another token (HF_TOKEN, --token)");
    case 404:
      return Error(ErrorCode::kNotFound, message + ": check the name");
    case 416:
      return Error(ErrorCode::kInvalidArgument, message);
    case 429:
      return Error(ErrorCode::kResourceExhausted, message + ": too many requests");
    default:
      break;
  }
  return Error(status >= 500 ? ErrorCode::kUnavailable : ErrorCode::kInvalidArgument, message);
}

Error network_error(CURLcode code, const char* detail, const std::string& url) {
  std::string message =
      shown_url(url) + ": " + (detail[0] != '\0' ? detail : curl_easy_strerror(code));
  switch (code) {
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_URL_MALFORMAT:
      return Error(ErrorCode::kInvalidArgument, message);
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
      return Error(ErrorCode::kPermissionDenied, message);
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
      message += "; check the address, the network and the proxy (https_proxy, no_proxy)";
      return Error(ErrorCode::kUnavailable, message);
    default:
      return Error(ErrorCode::kUnavailable, message);
  }
}

}  // namespace

std::string shown_url(const std::string& address) {
  std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> url(curl_url(), &curl_url_cleanup);
  if (!url || curl_url_set(url.get(), CURLUPART_URL, address.c_str(), 0) != CURLUE_OK) {
    return "an address that is no URL";
  }
  for (const CURLUPart part :
       {CURLUPART_USER, CURLUPART_PASSWORD, CURLUPART_QUERY, CURLUPART_FRAGMENT}) {
    curl_url_set(url.get(), part, nullptr, 0);
  }
  return url_part(url.get(), CURLUPART_URL);
}

std::optional<std::string> HttpReply::header(const std::string& name) const {
  const auto found = headers.find(name);
  return found == headers.end() ? std::nullopt : std::optional(found->second);
}

struct HttpClient::State {
  Options options;
  std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> curl{nullptr, &curl_easy_cleanup};
  std::set<Origin> private_origins;  // that were connected to

  void set_up(Transfer& transfer, const HttpRequest& request, const std::string& url,
              curl_slist* headers, char* detail);
};

HttpClient::HttpClient(Options options) : state_(std::make_unique<State>()) {
  static std::once_flag initialised;
  std::call_once(initialised, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
  state_->options = options;
  state_->curl.reset(curl_easy_init());
}

HttpClient::HttpClient(HttpClient&&) noexcept = default;
HttpClient::~HttpClient() = default;

void HttpClient::State::set_up(Transfer& transfer, const HttpRequest& request,
                               const std::string& url, curl_slist* headers, char* detail) {
  CURL* c = curl.get();
  curl_easy_reset(c);
  curl_easy_setopt(c, CURLOPT_URL, url.c_str());
  curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, static_cast<long>(options.connect_seconds));
  curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, 1L);
  curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, static_cast<long>(options.stall_seconds));
  curl_easy_setopt(c, CURLOPT_USERAGENT, "trivet");
  curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, &on_header);
  curl_easy_setopt(c, CURLOPT_HEADERDATA, &transfer);
  curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, &on_body);
  curl_easy_setopt(c, CURLOPT_WRITEDATA, &transfer);
  curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, &on_progress);
  curl_easy_setopt(c, CURLOPT_XFERINFODATA, &transfer);
  curl_easy_setopt(c, CURLOPT_OPENSOCKETFUNCTION, &on_open_socket);
  curl_easy_setopt(c, CURLOPT_OPENSOCKETDATA, &transfer);
  curl_easy_setopt(c, CURLOPT_ERRORBUFFER, detail);
  if (request.range_begin > 0) {
    const std::string range = std::to_string(request.range_begin) + "-";
    curl_easy_setopt(c, CURLOPT_RANGE, range.c_str());
  }
}

Result<HttpReply> HttpClient::get(const HttpRequest& request, const HttpSink& sink) {
  CURL* curl = state_->curl.get();
  if (curl == nullptr) return Error(ErrorCode::kInternal, "cannot set up the HTTP client");
  const Origin first = origin_of(request.url);
  std::string url = request.url;
  Transfer transfer;
  for (int hop = 0; hop <= state_->options.max_redirects; ++hop) {
    const Origin origin = origin_of(url);
    if (first.scheme == "https" && origin.scheme != "https") {
      return Error(ErrorCode::kPermissionDenied,
                   shown_url(request.url) + ": redirects from https to " + shown_url(url));
    }
    std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)> headers(nullptr,
                                                                        &curl_slist_free_all);
    const auto add = [&](const std::string& line) {
      headers.reset(curl_slist_append(headers.release(), line.c_str()));
    };
    if (!request.bearer_token.empty() && origin == first) {
      add("Authorization: Bearer " + request.bearer_token);
    }
    if (request.range_begin > 0 && !request.if_range.empty()) add("If-Range: " + request.if_range);
    transfer.curl = curl;
    transfer.sink = &sink;
    transfer.begun = false;
    transfer.error_body.clear();
    transfer.may_be_private = origin == first || state_->private_origins.contains(first);
    transfer.is_private = false;
    char detail[CURL_ERROR_SIZE] = "";
    state_->set_up(transfer, request, url, headers.get(), detail);
    const CURLcode code = curl_easy_perform(curl);
    // The handle must not keep pointers to this frame.
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, nullptr);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, nullptr);
    if (transfer.is_private && !transfer.refused) state_->private_origins.insert(origin);
    if (transfer.problem) return *transfer.problem;
    if (code == CURLE_ABORTED_BY_CALLBACK) {
      return Error(ErrorCode::kCancelled, shown_url(url) + ": the transfer was stopped");
    }
    if (transfer.refused && code != CURLE_OK) {
      return Error(
          ErrorCode::kPermissionDenied,
          shown_url(request.url) + ": redirects into a private network, to " + shown_url(url));
    }
    if (code != CURLE_OK) return network_error(code, detail, url);
    long status = 0;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    transfer.response.status = static_cast<int>(status);
    transfer.response.url = url;
    if (transfer.is_success()) {
      TRIVET_RETURN_IF_ERROR(transfer.begin());  // a body without bytes
      return transfer.response;
    }
    char* next = nullptr;
    curl_easy_getinfo(curl, CURLINFO_REDIRECT_URL, &next);
    if (next == nullptr) return status_error(transfer, url);
    url = next;
  }
  return Error(ErrorCode::kUnavailable, shown_url(request.url) + ": redirects too often");
}

Result<std::string> HttpClient::get_text(const HttpRequest& request, size_t max_bytes,
                                         const std::function<bool()>& keep_going) {
  std::string text;
  HttpSink sink;
  sink.keep_going = keep_going;
  sink.body = [&](std::span<const std::byte> piece) -> Result<void> {
    if (piece.size() > max_bytes - text.size()) {
      return Error(ErrorCode::kDataLoss, shown_url(request.url) + ": the answer has more than " +
                                             std::to_string(max_bytes) + " bytes");
    }
    text.append(reinterpret_cast<const char*>(piece.data()), piece.size());
    return {};
  };
  TRIVET_RETURN_IF_ERROR(get(request, sink));
  return text;
}

std::string url_encode(std::string_view text, bool keep_slash) {
  constexpr char kDigits[] = "0123456789ABCDEF";
  std::string encoded;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) || c == '-' || c == '_' || c == '.' || c == '~' ||
        (c == '/' && keep_slash)) {
      encoded += c;
    } else {
      encoded += '%';
      encoded += kDigits[byte >> 4];
      encoded += kDigits[byte & 15];
    }
  }
  return encoded;
}

}  // namespace trivet
