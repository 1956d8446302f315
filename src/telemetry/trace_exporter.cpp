#include "telemetry/trace_exporter.h"

#include <curl/curl.h>

#include <utility>

namespace trivet {
namespace {

constexpr size_t kMaxBatch = 512;
constexpr long kTimeoutMs = 10000, kConnectTimeoutMs = 3000;

// The path that the protocol prescribes, unless the operator gives one.
Result<std::string> traces_url(const std::string& endpoint) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!endpoint.starts_with(scheme) || endpoint.size() == scheme.size()) continue;
    const size_t path = endpoint.find('/', scheme.size());
    if (path == std::string::npos) return endpoint + "/v1/traces";
    return path + 1 == endpoint.size() ? endpoint + "v1/traces" : endpoint;
  }
  return Error(ErrorCode::kInvalidArgument, "the OTLP endpoint \"" + endpoint +
                                                "\" is not one; give a URL such as "
                                                "http://127.0.0.1:4318");
}

size_t ignore_answer(char*, size_t size, size_t count, void*) { return size * count; }

// One connection that is kept.
class CurlPost {
 public:
  explicit CurlPost(std::string url) : url_(std::move(url)), curl_(curl_easy_init()) {
    headers_ = curl_slist_append(headers_, "Content-Type: application/json");
  }
  ~CurlPost() {
    curl_slist_free_all(headers_);
    curl_easy_cleanup(curl_);
  }
  CurlPost(const CurlPost&) = delete;
  CurlPost& operator=(const CurlPost&) = delete;

  Result<void> operator()(const std::string& body) {
    if (curl_ == nullptr) return Error(ErrorCode::kInternal, "there is no HTTP client");
    curl_easy_setopt(curl_, CURLOPT_URL, url_.c_str());
    curl_easy_setopt(curl_, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl_, CURLOPT_HTTPHEADER, headers_);
    curl_easy_setopt(curl_, CURLOPT_POSTFIELDS, body.data());
    curl_easy_setopt(curl_, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
    curl_easy_setopt(curl_, CURLOPT_WRITEFUNCTION, ignore_answer);
    curl_easy_setopt(curl_, CURLOPT_TIMEOUT_MS, kTimeoutMs);
    curl_easy_setopt(curl_, CURLOPT_CONNECTTIMEOUT_MS, kConnectTimeoutMs);
    curl_easy_setopt(curl_, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl_, CURLOPT_FAILONERROR, 1L);
    const CURLcode code = curl_easy_perform(curl_);
    if (code == CURLE_OK) return {};
    return Error(ErrorCode::kUnavailable, curl_easy_strerror(code));
  }

 private:
  std::string url_;
  CURL* curl_;
  curl_slist* headers_ = nullptr;
};

}  // namespace

Result<std::unique_ptr<TraceExporter>> TraceExporter::create(Options options, Metrics& metrics) {
  if (!options.post) {
    TRIVET_ASSIGN_OR_RETURN(std::string url, traces_url(options.endpoint));
    curl_global_init(CURL_GLOBAL_DEFAULT);
    auto client = std::make_shared<CurlPost>(std::move(url));
    options.post = [client](const std::string& body) { return (*client)(body); };
  }
  return std::unique_ptr<TraceExporter>(new TraceExporter(std::move(options), metrics));
}

TraceExporter::TraceExporter(Options options, Metrics& metrics)
    : options_(std::move(options)), metrics_(metrics), thread_([this] { run(); }) {}

TraceExporter::~TraceExporter() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void TraceExporter::add(std::vector<Span> spans) {
  size_t dropped = 0;
  {
    const std::lock_guard lock(mutex_);
    for (Span& span : spans) {
      if (queue_.size() < options_.max_queued_spans) {
        queue_.push_back(std::move(span));
      } else {
        ++dropped;
      }
    }
  }
  metrics_.on_spans(SpanOutcome::kDropped, dropped);
}

bool TraceExporter::pause(Duration time) {
  std::unique_lock lock(mutex_);
  return !wake_.wait_for(lock, time, [this] { return stopping_; });
}

void TraceExporter::run() {
  for (bool goes_on = true; goes_on;) {
    goes_on = pause(options_.interval);
    for (;;) {
      std::vector<Span> batch;
      {
        const std::lock_guard lock(mutex_);
        const size_t count = std::min(queue_.size(), kMaxBatch);
        const auto end = queue_.begin() + static_cast<std::ptrdiff_t>(count);
        batch.assign(std::make_move_iterator(queue_.begin()), std::make_move_iterator(end));
        queue_.erase(queue_.begin(), end);
      }
      if (batch.empty()) break;
      const bool sent = send(batch);
      metrics_.on_spans(sent ? SpanOutcome::kExported : SpanOutcome::kFailed, batch.size());
      if (!sent && !goes_on) return;
    }
  }
}

bool TraceExporter::send(const std::vector<Span>& spans) {
  const std::string body = encode_otlp(spans, options_.service_name, options_.service_version);
  Duration wait = options_.first_pause;
  for (int attempt = 1; attempt <= options_.attempts; ++attempt, wait *= 2) {
    if (options_.post(body).ok()) return true;
    if (attempt == options_.attempts || !pause(wait)) break;
  }
  return false;
}

}  // namespace trivet
