#include "loadgen/load_client.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "loadgen/exchange.h"

namespace trivet {
namespace {

using nlohmann::json;

constexpr int kMaxConcurrency = 8192;
constexpr size_t kMaxModelsBytes = 1 << 20;

Error invalid(const std::string& what) { return Error(ErrorCode::kInvalidArgument, what); }

Result<void> check(const LoadSettings& s) {
  if (!s.url.starts_with("http://") && !s.url.starts_with("https://")) {
    return invalid("the server's address \"" + s.url + "\" must begin with http:// or https://");
  }
  if (s.num_requests < 1) return invalid("the number of requests must be at least 1");
  if (s.concurrency < 1 || s.concurrency > kMaxConcurrency) {
    return invalid("the concurrency must be from 1 to " + std::to_string(kMaxConcurrency));
  }
  if (s.rate < 0 || !(s.burstiness > 0)) {
    return invalid("the rate must not be negative, the burstiness above 0");
  }
  if (s.output_tokens < 1 || s.workload.prompt_words < 1) {
    return invalid("prompt and answer need at least one word and one token");
  }
  if (s.workload.shared_words > s.workload.prompt_words) {
    return invalid("more words are shared than a prompt has");
  }
  return {};
}

std::string base_of(std::string url) {
  while (url.ends_with('/')) url.pop_back();
  if (url.ends_with("/v1")) url.resize(url.size() - 3);
  return url;
}

struct HeaderListDeleter {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using HeaderList = std::unique_ptr<curl_slist, HeaderListDeleter>;

HeaderList make_headers(const LoadSettings& settings) {
  HeaderList list(curl_slist_append(nullptr, "Content-Type: application/json"));
  list.reset(curl_slist_append(list.release(), "Expect:"));
  if (!settings.api_key.empty()) {
    const std::string line = "Authorization: Bearer " + settings.api_key;
    list.reset(curl_slist_append(list.release(), line.c_str()));
  }
  return list;
}

size_t append_bounded(char* data, size_t size, size_t count, void* context) {
  auto& text = *static_cast<std::string*>(context);
  if (text.size() + size * count > kMaxModelsBytes) return 0;
  text.append(data, size * count);
  return size * count;
}

// GET /v1/models, which also tells whether anybody is there.
Result<std::string> first_model(const std::string& base, curl_slist* headers) {
  const CurlHandle curl(curl_easy_init());
  std::string text;
  const std::string address = base + "/v1/models";
  curl_easy_setopt(curl.get(), CURLOPT_URL, address.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt(curl.get(), CURLOPT_WRITEFUNCTION, &append_bounded);
  curl_easy_setopt(curl.get(), CURLOPT_WRITEDATA, &text);
  curl_easy_setopt(curl.get(), CURLOPT_PROXY, "");
  curl_easy_setopt(curl.get(), CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl.get(), CURLOPT_TIMEOUT, 30L);
  if (const CURLcode code = curl_easy_perform(curl.get()); code != CURLE_OK) {
    return Error(ErrorCode::kUnavailable, address + ": " + curl_easy_strerror(code));
  }
  const json models = json::parse(text, nullptr, false);
  if (models.is_object() && models.contains("data") && models["data"].is_array() &&
      !models["data"].empty() && models["data"][0].is_object() &&
      models["data"][0].contains("id") && models["data"][0]["id"].is_string()) {
    return models["data"][0]["id"].get<std::string>();
  }
  return Error(ErrorCode::kUnavailable, address + " names no model: " + text.substr(0, 200) +
                                            "; give its name with --model");
}

class LoadRunner {
 public:
  LoadRunner(const LoadSettings& settings, std::string model, json extra)
      : settings_(settings),
        extra_(std::move(extra)),
        headers_(make_headers(settings)),
        multi_(curl_multi_init()),
        arrivals_(std::max(settings.rate, 1e-9), settings.burstiness, settings.workload.seed) {
    run_.settings = settings;
    run_.model = std::move(model);
    target_.address =
        base_of(settings.url) + (settings.chat ? "/v1/chat/completions" : "/v1/completions");
    target_.headers = headers_.get();
    target_.timeout_seconds = settings.timeout_seconds;
    const long connections = settings.concurrency;
    curl_multi_setopt(multi_.get(), CURLMOPT_MAXCONNECTS, connections);
  }
  ~LoadRunner() {
    for (const auto& [handle, exchange] : live_) curl_multi_remove_handle(multi_.get(), handle);
  }

  LoadRun run(const LoadProgressFunction& progress) {
    target_.begin = LoadClock::now();
    if (settings_.rate > 0) next_due_ = arrivals_.next_gap_seconds();
    while (start_due() || !live_.empty() || !all_started()) {
      int running = 0;
      curl_multi_perform(multi_.get(), &running);
      const bool ended_some = collect();
      if (progress) progress(static_cast<int>(run_.requests.size()), settings_.num_requests);
      if (ended_some) continue;  // the next ones may begin at once
      curl_multi_poll(multi_.get(), nullptr, 0, milliseconds_to_wait(), nullptr);
    }
    finish_run();
    return std::move(run_);
  }

 private:
  struct MultiDeleter {
    void operator()(CURLM* multi) const { curl_multi_cleanup(multi); }
  };

  bool all_started() const {
    return next_index_ >= static_cast<uint64_t>(settings_.num_requests) ||
           (settings_.max_seconds > 0 && target_.now() >= settings_.max_seconds);
  }

  // Begins what is due and has room. True if something began.
  bool start_due() {
    bool any = false;
    while (!all_started() && live_.size() < static_cast<size_t>(settings_.concurrency)) {
      const double now = target_.now();
      const bool open_loop = settings_.rate > 0;
      if (open_loop && next_due_ > now) break;
      start(open_loop ? next_due_ : now);
      if (open_loop) next_due_ += arrivals_.next_gap_seconds();
      any = true;
    }
    return any;
  }

  void start(double due) {
    const uint64_t index = next_index_++;
    auto exchange = std::make_unique<Exchange>(target_, index, due, body_of(index));
    CURL* handle = exchange->handle();
    curl_multi_add_handle(multi_.get(), handle);
    live_.emplace(handle, std::move(exchange));
  }

  std::string body_of(uint64_t index) const {
    json body = {{"model", run_.model},
                 {"max_tokens", settings_.output_tokens},
                 {"temperature", settings_.temperature},
                 {"stream", true},
                 {"stream_options", {{"include_usage", true}}}};
    if (settings_.ignore_eos) body["ignore_eos"] = true;
    const std::string prompt = make_prompt(settings_.workload, index);
    if (settings_.chat) {
      body["messages"] = json::array({{{"role", "user"}, {"content", prompt}}});
    } else {
      body["prompt"] = prompt;
    }
    body.update(extra_);
    return body.dump();
  }

  bool collect() {
    const size_t before = run_.requests.size();
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi_.get(), &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      CURL* handle = message->easy_handle;  // the message dies with it
      const CURLcode code = message->data.result;
      const auto place = live_.find(handle);
      run_.requests.push_back(place->second->finish(code));
      curl_multi_remove_handle(multi_.get(), handle);
      live_.erase(place);
    }
    return run_.requests.size() > before;
  }

  int milliseconds_to_wait() const {
    if (all_started() || settings_.rate <= 0) return 100;
    if (live_.size() >= static_cast<size_t>(settings_.concurrency)) return 100;
    return static_cast<int>(std::clamp((next_due_ - target_.now()) * 1000.0, 0.0, 100.0));
  }

  void finish_run() {
    std::ranges::sort(run_.requests, {}, &RequestRecord::index);
    if (run_.requests.empty()) return;
    double first = run_.requests.front().started, last = 0;
    for (const RequestRecord& record : run_.requests) {
      first = std::min(first, record.started);
      last = std::max(last, record.ended);
    }
    run_.seconds = last - first;
  }

  const LoadSettings& settings_;
  const json extra_;
  const HeaderList headers_;
  const std::unique_ptr<CURLM, MultiDeleter> multi_;
  LoadTarget target_;
  Arrivals arrivals_;
  LoadRun run_;
  std::map<CURL*, std::unique_ptr<Exchange>> live_;
  uint64_t next_index_ = 0;
  double next_due_ = 0;
};

}  // namespace

Result<LoadRun> run_load(const LoadSettings& settings, const LoadProgressFunction& progress) {
  TRIVET_RETURN_IF_ERROR(check(settings));
  json extra = json::object();
  if (!settings.extra_body.empty()) {
    extra = json::parse(settings.extra_body, nullptr, false);
    if (!extra.is_object()) {
      return invalid("the extra fields \"" + settings.extra_body + "\" are not a JSON object");
    }
  }
  static const CURLcode global = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (global != CURLE_OK) return Error(ErrorCode::kInternal, curl_easy_strerror(global));
  std::string model = settings.model;
  const HeaderList headers = make_headers(settings);
  if (model.empty()) {
    TRIVET_ASSIGN_OR_RETURN(model, first_model(base_of(settings.url), headers.get()));
  }
  return LoadRunner(settings, std::move(model), std::move(extra)).run(progress);
}

}  // namespace trivet
