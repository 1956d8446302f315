#include "loadgen/exchange.h"

#include <algorithm>

namespace trivet {
namespace {

using simdjson::dom::element;

constexpr size_t kMaxRefusalBytes = 400;

int64_t integer_at(element object, std::string_view name) {
  int64_t value = 0;
  return object.at_key(name).get(value) ? 0 : value;
}

bool has_text(element object, std::string_view name) {
  std::string_view text;
  return !object.at_key(name).get(text) && !text.empty();
}

// Text, reasoning or a piece of a tool call, of completions and chats.
bool brings_output(element choice) {
  if (has_text(choice, "text")) return true;
  element delta;
  if (choice.at_key("delta").get(delta)) return false;
  simdjson::dom::array calls;
  return has_text(delta, "content") || has_text(delta, "reasoning") ||
         has_text(delta, "reasoning_content") ||
         (!delta.at_key("tool_calls").get(calls) && calls.size() > 0);
}

}  // namespace

Exchange::Exchange(const LoadTarget& target, uint64_t index, double due, std::string body)
    : target_(target),
      handle_(curl_easy_init()),
      body_(std::move(body)),
      events_([this](std::string_view data) { take_event(data); }) {
  record_.index = index;
  record_.due = due;
  record_.started = target.now();
  CURL* curl = handle_.get();
  curl_easy_setopt(curl, CURLOPT_URL, target.address.c_str());
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, target.headers);
  curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body_.data());
  curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body_.size()));
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &Exchange::on_bytes);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, this);
  curl_easy_setopt(curl, CURLOPT_PRIVATE, this);
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_TCP_NODELAY, 1L);
  curl_easy_setopt(curl, CURLOPT_PROXY, "");
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, static_cast<long>(target.timeout_seconds * 1000.0));
}

size_t Exchange::on_bytes(char* data, size_t size, size_t count, void* context) {
  auto& exchange = *static_cast<Exchange*>(context);
  exchange.take_bytes({data, size * count});
  return exchange.events_.overflowed() ? 0 : size * count;
}

void Exchange::take_bytes(std::string_view bytes) {
  if (record_.http_status == 0) {
    long status = 0;
    curl_easy_getinfo(handle_.get(), CURLINFO_RESPONSE_CODE, &status);
    record_.http_status = static_cast<int>(status);
  }
  if (record_.http_status == 200) return events_.feed(bytes);
  refusal_.append(bytes.substr(0, kMaxRefusalBytes - std::min(kMaxRefusalBytes, refusal_.size())));
}

void Exchange::take_event(std::string_view data) {
  if (data == "[DONE]") {
    done_ = true;
    return;
  }
  element event;
  if (parser_.parse(data.data(), data.size()).get(event)) {
    record_.failure = "an event is not JSON";
    return;
  }
  element error;
  if (!event.at_key("error").get(error) && !error.is_null()) {
    record_.failure = "error in the stream: " + simdjson::minify(error).substr(0, 200);
    return;
  }
  simdjson::dom::array choices;
  if (!event.at_key("choices").get(choices)) {
    for (const element choice : choices) {
      if (brings_output(choice)) note_text();
      std::string_view reason;
      finished_ = finished_ || !choice.at_key("finish_reason").get(reason);
    }
  }
  element usage;
  if (!event.at_key("usage").get(usage) && usage.is_object()) take_usage(usage);
}

void Exchange::note_text() {
  const double now = target_.now();
  if (text_events_++ == 0) {
    record_.first_token = now;
  } else {
    record_.gaps.push_back(static_cast<float>(now - last_text_));
  }
  last_text_ = now;
}

void Exchange::take_usage(element usage) {
  record_.prompt_tokens = static_cast<int>(integer_at(usage, "prompt_tokens"));
  record_.output_tokens = static_cast<int>(integer_at(usage, "completion_tokens"));
  element details;
  if (!usage.at_key("prompt_tokens_details").get(details) && details.is_object()) {
    record_.cached_tokens = static_cast<int>(integer_at(details, "cached_tokens"));
  }
}

RequestRecord Exchange::finish(CURLcode code) {
  record_.ended = text_events_ > 0 ? last_text_ : target_.now();
  if (record_.output_tokens == 0) record_.output_tokens = text_events_;
  long status = 0;
  curl_easy_getinfo(handle_.get(), CURLINFO_RESPONSE_CODE, &status);
  record_.http_status = static_cast<int>(status);
  if (!record_.failure.empty()) return std::move(record_);
  if (events_.overflowed()) {
    record_.failure = "an event is larger than 8 MiB";
  } else if (code != CURLE_OK) {
    record_.failure = curl_easy_strerror(code);
  } else if (status != 200) {
    record_.failure = "HTTP " + std::to_string(status);
    if (!refusal_.empty()) record_.failure += ": " + refusal_;
  } else if (!done_ && !finished_) {
    record_.failure = "the stream ended without a finish reason";
  } else if (record_.first_token < 0) {
    record_.failure = "the answer holds no text";
  }
  return std::move(record_);
}

}  // namespace trivet
