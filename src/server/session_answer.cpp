#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "base/clock.h"
#include "server/session.h"
#include "telemetry/trace_exporter.h"

namespace trivet {
namespace {

// The server's own time limit must come after the engine's, which gives the better answer.
constexpr Duration kEngineGrace = std::chrono::seconds(5);
constexpr int kClientClosedRequest = 499;  // nginx's status for the log; never sent

}  // namespace

void Session::append(std::string_view bytes) {
  pending_.append(bytes);
  exchange_.bytes += bytes.size();
}

std::string Session::take_pending() { return std::exchange(pending_, {}); }

void Session::append_common_fields(const HeaderFields& fields) {
  std::string head;
  auto out = std::back_inserter(head);
  fmt::format_to(out, "Date: {}\r\nX-Request-Id: {}\r\n", http_date(unix_seconds()),
                 exchange_.request_id);
  if (!exchange_.cors_origin.empty()) {
    fmt::format_to(out, "Access-Control-Allow-Origin: {}\r\nVary: Origin\r\n",
                   exchange_.cors_origin);
    head +=
        "Access-Control-Expose-Headers: X-Request-Id, Retry-After, X-Trivet-Stream-Id, "
        "x-ratelimit-limit-requests, "
        "x-ratelimit-remaining-requests, x-ratelimit-reset-requests, x-ratelimit-limit-tokens, "
        "x-ratelimit-remaining-tokens, x-ratelimit-reset-tokens\r\n";
  }
  if (exchange_.trace) fmt::format_to(out, "traceparent: {}\r\n", exchange_.trace->traceparent());
  if (exchange_.ticket) {
    for (const auto& [name, value] : exchange_.ticket->fields())
      fmt::format_to(out, "{}: {}\r\n", name, value);
  }
  for (const auto& [name, value] : fields) fmt::format_to(out, "{}: {}\r\n", name, value);
  append(head);
}

void Session::append_head(int status, std::string_view content_type, const HeaderFields& fields,
                          std::optional<size_t> content_length) {
  if (server_.phase() == ServerPhase::kDraining || over_limit_) exchange_.keep_alive = false;
  exchange_.status = status;
  append(fmt::format("HTTP/1.1 {} {}\r\n", status, reason_phrase(status)));
  if (!content_type.empty()) {
    append(fmt::format("Content-Type: {}\r\nX-Content-Type-Options: nosniff\r\n", content_type));
  }
  if (content_length && status != 204)
    append(fmt::format("Content-Length: {}\r\n", *content_length));
  append_common_fields(fields);
  if (!exchange_.keep_alive) {
    append("Connection: close\r\n");
  } else if (parser_.head().http_1_0) {
    append("Connection: keep-alive\r\n");
  }
}

// RFC 9110 13.1.2: the client has this very content already.
bool Session::has_unchanged(const HttpResponse& response) const {
  const std::string* known = parser_.head().find("if-none-match");
  if (known == nullptr || response.status != 200) return false;
  const auto etag = std::ranges::find(response.fields, "ETag", &HeaderFields::value_type::first);
  if (etag == response.fields.end()) return false;
  return *known == "*" || known->find(etag->second) != std::string::npos;
}

void Session::respond(const HttpResponse& response) {
  if (has_unchanged(response)) {
    append_head(304, "", response.fields, std::nullopt);
    append("\r\n");
    return end_exchange("");
  }
  const std::string error_body =
      response.error ? exchange_.match.error_body(*response.error) : std::string();
  const std::string& body = response.error ? error_body : response.body;
  append_head(response.status, response.content_type, response.fields, body.size());
  append("\r\n");
  if (parser_.head().method != "HEAD") append(body);
  end_exchange("");
}

void Session::respond_and_close(const HttpResponse& response) {
  exchange_.keep_alive = false;
  lingers_ = true;
  if (exchange_.request_id.empty()) exchange_.request_id = random_id();
  respond(response);
}

void Session::take_output(const RequestOutput& output, TimePoint delivered) {
  if (state_ != State::kGenerating) return;
  LiveCall& live = *exchange_.live;
  std::string bytes = live.take(output, delivered);
  // Before the first byte an error is a real status; later the call has made an event of it.
  if (!exchange_.stream_open || (output.error && bytes.empty())) {
    if (const ApiError* failure = live.failure()) return fail_call(ApiError(*failure));
  }
  if (!live.streamed()) {
    if (!live.done()) return;
    HttpResponse response;
    response.body = live.body();
    return respond(response);
  }
  if (!bytes.empty()) {
    if (pending_.size() > server_.options().max_pending_bytes) {
      drop("slow_reader");
      return transport_.cut();
    }
    if (!exchange_.stream_open) open_stream();
    exchange_.chunk += bytes;
  }
  if (live.done()) end_stream();
}

void Session::end_batch() {
  frame_chunk();
  settle();
}

void Session::open_stream() {
  HeaderFields fields = {{"Cache-Control", "no-cache"}, {"X-Accel-Buffering", "no"}};
  if (parser_.head().http_1_0) {
    exchange_.keep_alive = false;  // the end of the connection is the end of the answer
  } else {
    fields.emplace_back("Transfer-Encoding", "chunked");
  }
  if (exchange_.feed) {
    const HeaderFields& more = exchange_.feed->call.fields;
    fields.insert(fields.end(), more.begin(), more.end());
  }
  append_head(200,
              exchange_.feed ? exchange_.feed->call.log->shape().content_type
                             : exchange_.live->stream_content_type(),
              fields, std::nullopt);
  append("\r\n");
  exchange_.stream_open = true;
}

// All that a connection gets in one step becomes one chunk.
void Session::frame_chunk() {
  if (exchange_.chunk.empty()) return;
  if (parser_.head().http_1_0) {
    append(exchange_.chunk);
  } else {
    append(fmt::format("{:x}\r\n", exchange_.chunk.size()));
    append(exchange_.chunk);
    append("\r\n");
  }
  exchange_.chunk.clear();
  exchange_.last_sent = now();
}

void Session::end_stream() {
  if (!exchange_.stream_open) open_stream();
  frame_chunk();
  if (!parser_.head().http_1_0) append("0\r\n\r\n");
  end_exchange("");
}

void Session::fail_call(const ApiError& error) {
  if (exchange_.feed) return end_feed_with(error_response(error), "");
  exchange_.live->cancel();
  if (exchange_.stream_open) {
    exchange_.chunk += exchange_.live->encode_error_event(error);
    return end_stream();
  }
  HttpResponse response = error_response(error);
  response.body = exchange_.live->encode_error_body(error);
  response.error.reset();
  respond(response);
}

void Session::end_exchange(std::string_view finish) {
  const double seconds = seconds_between(exchange_.started, now());
  const int status = exchange_.status == 0 ? kClientClosedRequest : exchange_.status;
  server_.metrics().on_http(parser_.head().method, exchange_.match.pattern, status, seconds);
  settle_ticket();
  export_trace(finish);
  log_exchange(finish, seconds);
  const bool keep_alive = exchange_.keep_alive && !peer_gone_;
  exchange_ = {};
  if (!keep_alive) return close_after_output(lingers_);
  parser_.reset();
  state_ = State::kHead;
  waiting_since_ = now();
  served_any_ = true;
}

// What an answer that nobody waited for has used is not known: then all that was reserved counts.
void Session::settle_ticket() {
  const LiveCall* live = exchange_.live.get();
  if (!exchange_.ticket || live == nullptr || !live->usage_is_known()) return;
  exchange_.ticket->settle(live->usage().prompt_tokens, live->usage().completion_tokens);
}

void Session::export_trace(std::string_view finish) {
  if (!exchange_.trace || !exchange_.trace->sampled()) return;
  TracedRequest request;
  request.started = exchange_.started;
  request.ended = now();
  request.request_id = exchange_.request_id;
  request.method = parser_.head().method;
  request.route = exchange_.match.pattern;
  if (const ServedModel* model = server_.model()) request.model = model->names.front();
  request.tenant = exchange_.tenant;
  request.status = exchange_.status == 0 ? kClientClosedRequest : exchange_.status;
  request.finish = finish;
  if (const LiveCall* live = exchange_.live.get()) {
    if (finish.empty()) request.finish = live->finish();
    request.generations = live->traced();
  }
  server_.options().traces->add(exchange_.trace->spans(request));
}

void Session::log_exchange(std::string_view finish, double seconds) {
  if (server_.access_log() == nullptr) return;
  AccessRecord record;
  record.request_id = exchange_.request_id;
  record.peer = peer_;
  record.method = parser_.head().method;
  record.path = parser_.head().path;
  record.tenant = exchange_.tenant;
  record.status = exchange_.status == 0 ? kClientClosedRequest : exchange_.status;
  record.finish = finish;
  record.total_seconds = seconds;
  record.bytes = exchange_.bytes;
  record.ignored_fields = exchange_.ignored_fields;
  record.prompt = exchange_.logged_body;
  if (const Feed* feed = exchange_.feed.get()) {
    const RequestUsage usage = feed->call.log->usage();
    record.streamed = exchange_.stream_open;
    record.prompt_tokens = usage.prompt_tokens;
    record.cached_tokens = usage.cached_tokens;
    record.completion_tokens = usage.completion_tokens;
  }
  if (const LiveCall* live = exchange_.live.get()) {
    const RequestUsage usage = live->usage();
    if (finish.empty()) record.finish = live->finish();
    record.streamed = live->streamed();
    record.answer = live->logged_text();
    record.prompt_tokens = usage.prompt_tokens;
    record.cached_tokens = usage.cached_tokens;
    record.completion_tokens = usage.completion_tokens;
    record.per_token_seconds = live->per_token_seconds();
    if (const std::optional<TimePoint> first = live->first_token()) {
      record.first_token_seconds = stage_seconds(exchange_.started, *first);
    }
  }
  server_.access_log()->write(record);
}

void Session::close_after_output(bool lingers) {
  state_ = State::kClosing;
  lingers_ = lingers;
}

void Session::drop(std::string_view why) {
  if (state_ != State::kParsing && state_ != State::kGenerating) return;
  exchange_.keep_alive = false;
  if (exchange_.live) exchange_.live->cancel();
  if (exchange_.feed && exchange_.feed->call.ends_with_client) exchange_.feed->call.log->cancel();
  end_exchange(why);
}

void Session::tick() {
  const ServerOptions& options = server_.options();
  const TimePoint time = now();
  switch (state_) {
    case State::kHead:
      if (head_since_) {
        if (time - *head_since_ < options.header_timeout) break;
        exchange_.started = *head_since_;
        respond_and_close(
            error_response(408, "RequestTimeoutError", "the request head did not come in time"));
      } else if (server_.phase() == ServerPhase::kDraining ||
                 time - waiting_since_ >=
                     (served_any_ ? options.idle_timeout : options.header_timeout)) {
        close_after_output(false);
      }
      break;
    case State::kBody:
      if (time - exchange_.started < options.body_timeout) break;
      respond_and_close(
          error_response(408, "RequestTimeoutError", "the request body did not come in time"));
      break;
    case State::kGenerating:
      tick_generation(time);
      break;
    case State::kParsing:
    case State::kClosing:
      break;
  }
  settle();
}

void Session::tick_generation(TimePoint time) {
  const ServerOptions& options = server_.options();
  const bool is_limited = !exchange_.feed || !exchange_.feed->call.takes_any_time;
  if (is_limited && time - exchange_.started >= options.request_timeout + kEngineGrace) {
    ApiError error;
    error.http_status = 504;
    error.type = "GatewayTimeoutError";
    error.message = "the answer was not finished in time";
    return fail_call(error);
  }
  if (!sends_ping() || time - exchange_.last_sent < options.ping_interval) return;
  exchange_.last_sent = time;
  if (!pending_.empty()) return;  // the client is slow, not the engine
  // The engine has accepted the request, so an error status has become unlikely; proxies that see
  // no byte give up.
  const std::string_view ping =
      exchange_.feed ? exchange_.feed->call.log->shape().ping : exchange_.live->stream_ping();
  if (ping.empty()) return;
  if (!exchange_.stream_open) open_stream();
  exchange_.chunk += ping;
  frame_chunk();
}

}  // namespace trivet
