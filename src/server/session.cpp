#include "server/session.h"

#include <algorithm>
#include <cctype>

#include "base/clock.h"
#include "server/guard/model_view.h"
#include "server/parse_workers.h"

namespace trivet {
namespace {

constexpr size_t kMaxPipelinedBytes = 64 << 10;     // received ahead of the request being answered
constexpr size_t kOutputHighWaterBytes = 64 << 10;  // unsent, at which no further request is read
constexpr size_t kMaxDiscardedBytes = 64 << 10;     // body of a refused request that is still read
constexpr size_t kInlineBodyBytes = 32 << 10;       // parsed on the I/O thread up to here

// Text of a client for an error message: short and printable.
std::string printable(std::string_view text) {
  constexpr size_t kMaxSize = 128;
  std::string out(text.substr(0, kMaxSize));
  for (char& c : out) {
    if (c < 0x20 || c >= 0x7f) c = '?';
  }
  return text.size() > kMaxSize ? out + "..." : out;
}

// "a,b", not longer than a log line can bear.
std::string joined(const std::vector<std::string>& names) {
  constexpr size_t kMaxSize = 256;
  std::string out;
  for (const std::string& name : names) {
    if (!out.empty()) out += ',';
    out.append(name, 0, kMaxSize);
    if (out.size() >= kMaxSize) break;
  }
  out.resize(std::min(out.size(), kMaxSize));
  return out;
}

std::string allowed_origin(const HttpHead& head, const std::vector<std::string>& origins) {
  const std::string* origin = head.find("origin");
  if (origin == nullptr) return {};
  for (const std::string& allowed : origins) {
    if (allowed == "*" || allowed == *origin) return allowed;
  }
  return {};
}

HttpResponse limit_response(const LimitRefusal& refusal) {
  return error_response(429, "RateLimitError", refusal.message, refusal.retry_after_seconds);
}

// A list of header names that may be sent back as it came.
bool is_name_list(std::string_view text) {
  constexpr size_t kMaxSize = 1024;
  const auto fits = [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '-' || c == '_' || c == ',' || c == ' ';
  };
  return text.size() <= kMaxSize && std::all_of(text.begin(), text.end(), fits);
}

}  // namespace

bool Session::BodyBudget::grow_to(size_t bytes) {
  if (bytes <= bytes_) return true;
  if (!server_->reserve_body(bytes - bytes_)) return false;
  bytes_ = bytes;
  return true;
}

Session::Session(ServerState& server, std::shared_ptr<Lane> lane, Transport& transport,
                 std::string peer, bool over_limit)
    : server_(server),
      lane_(std::move(lane)),
      transport_(transport),
      peer_(std::move(peer)),
      over_limit_(over_limit),
      parser_({server.options().max_header_bytes, server.longest_body()}),
      waiting_since_(server.clock().now()) {}

Session::~Session() { drop("disconnect"); }

void Session::receive(std::string_view bytes) {
  if (state_ == State::kClosing) return;
  input_.append(bytes);
  settle();
}

void Session::receive_end() {
  peer_gone_ = true;
  drop("disconnect");
  // What is already answered still goes out: the peer may have closed only its sending side.
  close_after_output(false);
  transport_.flush();
}

void Session::output_written() {
  read_feed();
  settle();
}

bool Session::wants_read() const {
  return state_ == State::kClosing || input_.size() < kMaxPipelinedBytes;
}

void Session::settle() {
  advance();
  transport_.flush();
}

void Session::advance() {
  size_t used = 0;
  while (reads_request() && used < input_.size() && pending_.size() < kOutputHighWaterBytes) {
    if (state_ == State::kHead && parser_.at_start() &&
        (input_[used] == '\r' || input_[used] == '\n')) {
      ++used;  // RFC 9112 2.2: empty lines before a request are ignored
      continue;
    }
    if (state_ == State::kHead && !head_since_) head_since_ = now();
    const size_t taken = parser_.consume(std::string_view(input_).substr(used));
    used += taken;
    const HttpRequestParser::Stage stage = parser_.stage();
    if (stage == HttpRequestParser::Stage::kFailed) {
      if (state_ == State::kHead) {
        exchange_.started = now();
        const HttpHead& head = parser_.head();
        exchange_.match = match_route(server_.routes(), head.method, head.path);
      }
      respond_and_close(HttpResponse(parser_.failure()));
      break;
    }
    if (stage == HttpRequestParser::Stage::kHead) {
      if (taken == 0) break;
      continue;
    }
    if (state_ == State::kHead) begin_exchange();
    if (state_ != State::kBody) continue;  // answered already
    if (!exchange_.budget->grow_to(parser_.body_size())) {
      respond_and_close(error_response(503, "ServiceUnavailable",
                                       "the server holds too many request bodies; try again later",
                                       1));
    } else if (parser_.stage() == HttpRequestParser::Stage::kDone) {
      finish_body();
    } else if (taken == 0) {
      break;
    }
  }
  input_.erase(0, state_ == State::kClosing ? input_.size() : used);
}

void Session::begin_exchange() {
  const HttpHead& head = parser_.head();
  head_since_.reset();
  state_ = State::kBody;
  exchange_.started = now();
  exchange_.keep_alive = head.keep_alive;
  exchange_.cors_origin = allowed_origin(head, server_.options().cors_origins);
  exchange_.match = match_route(server_.routes(), head.method, head.path);
  exchange_.budget = std::make_unique<BodyBudget>(server_);
  parser_.limit_body(body_limit());
  const std::string* id = head.find("x-request-id");
  exchange_.request_id = id != nullptr && is_valid_request_id(*id) ? *id : random_id();
  const Route* route = exchange_.match.route;
  if (server_.options().traces != nullptr && route != nullptr && route->generates)
    exchange_.trace.emplace(head);
  if (std::optional<HttpResponse> refusal = refuse_head()) {
    if (parser_.stage() == HttpRequestParser::Stage::kDone) return respond(*refusal);
    const bool body_is_coming = head.content_length.has_value() && !head.expects_continue;
    if (!body_is_coming || *head.content_length > kMaxDiscardedBytes)
      return respond_and_close(*refusal);
    exchange_.refusal =
        std::move(refusal);  // answered after the body, so that the connection stays usable
    return;
  }
  if (head.expects_continue && head.has_body && !head.http_1_0 &&
      parser_.stage() != HttpRequestParser::Stage::kDone) {
    append("HTTP/1.1 100 Continue\r\n\r\n");
  }
}

// Everything that can be decided without the body.
std::optional<HttpResponse> Session::refuse_head() {
  const HttpHead& head = parser_.head();
  const RouteMatch& match = exchange_.match;
  if (head.method == "OPTIONS") return answer_options();
  const bool is_open = match.route != nullptr && match.route->is_open;
  if (!is_open && !server_.keys().open()) {
    exchange_.key = server_.keys().ring()->find(head);
    if (exchange_.key == nullptr) {
      HttpResponse response = error_response(
          401, "authentication_error", "no valid API key; send \"Authorization: Bearer KEY\"");
      response.fields.emplace_back("WWW-Authenticate", "Bearer");
      return response;
    }
    exchange_.tenant = exchange_.key->name;
  }
  if (match.pattern.empty()) {
    return error_response(404, "NotFoundError", "there is no endpoint " + printable(head.path));
  }
  if (match.route == nullptr) {
    HttpResponse response =
        error_response(405, "MethodNotAllowedError",
                       printable(head.path) + " does not take " + printable(head.method) +
                           "; use one of: " + match.allowed_methods);
    response.fields.emplace_back("Allow", match.allowed_methods);
    return response;
  }
  if (over_limit_ && !is_open) {
    server_.metrics().on_rejection(Rejection::kTooManyConnections);
    return error_response(503, "ServiceUnavailable",
                          "the server has too many connections; try again later", 1);
  }
  if (head.find("expect") != nullptr && !head.expects_continue) {
    return error_response(417, "BadRequestError", "the only supported Expect is 100-continue");
  }
  if (head.content_length.value_or(0) > body_limit()) {
    return error_response(413, "PayloadTooLargeError",
                          "the request body of " + std::to_string(*head.content_length) +
                              " bytes is larger than " + std::to_string(body_limit()));
  }
  if (std::optional<HttpResponse> refusal = refuse_unless_serving(*match.route)) return refusal;
  return refuse_by_key(*match.route);
}

// What the key may not do, or not now.
std::optional<HttpResponse> Session::refuse_by_key(const Route& route) {
  if (exchange_.key == nullptr) return std::nullopt;
  if (route.needs_model && !exchange_.key->allows_model(server_.model()->names)) {
    server_.keys().count_refusal(*exchange_.key, KeyRefusal::kModel);
    return error_response(403, "PermissionDeniedError",
                          "the API key \"" + exchange_.key->name + "\" may not use the model " +
                              server_.model()->names.front());
  }
  if (!route.generates) return std::nullopt;
  KeyGuard::Entry entry = server_.keys().enter(exchange_.key);
  if (const auto* refusal = std::get_if<LimitRefusal>(&entry)) {
    HttpResponse response = limit_response(*refusal);
    const HeaderFields left = server_.keys().fields(*exchange_.key);
    response.fields.insert(response.fields.end(), left.begin(), left.end());
    return response;
  }
  exchange_.ticket = std::get<std::unique_ptr<KeyTicket>>(std::move(entry));
  return std::nullopt;
}

size_t Session::body_limit() const {
  const Route* route = exchange_.match.route;
  return route != nullptr && route->max_body_bytes > 0 ? route->max_body_bytes
                                                       : server_.options().max_body_bytes;
}

std::optional<HttpResponse> Session::refuse_unless_serving(const Route& route) {
  const ServerPhase phase = server_.phase();
  if (route.needs_model && server_.model() == nullptr) {
    if (route.generates) server_.metrics().on_rejection(Rejection::kLoading);
    return error_response(503, "ServiceUnavailable", "the model is loading; try again later", 5);
  }
  if (!route.generates) return std::nullopt;
  if (phase == ServerPhase::kDraining) {
    server_.metrics().on_rejection(Rejection::kDraining);
    return error_response(503, "ServiceUnavailable", "the server is shutting down", 1);
  }
  const int max_waiting = server_.options().max_waiting_requests;
  if (max_waiting > 0 && server_.engine()->stats().waiting >= max_waiting) {
    server_.metrics().on_rejection(Rejection::kQueueFull);
    return error_response(
        503, "ServiceUnavailable",
        std::to_string(max_waiting) + " requests are waiting already; try again later", 1);
  }
  return std::nullopt;
}

HttpResponse Session::answer_options() {
  const HttpHead& head = parser_.head();
  const RouteMatch& match = exchange_.match;
  if (match.pattern.empty() && head.path != "*") {
    return error_response(404, "NotFoundError", "there is no endpoint " + printable(head.path));
  }
  HttpResponse response;
  response.status = 204;
  response.content_type.clear();
  const std::string methods =
      match.pattern.empty() ? "GET, HEAD, POST, OPTIONS" : match.allowed_methods;
  response.fields.emplace_back("Allow", methods);
  if (!exchange_.cors_origin.empty() && head.find("access-control-request-method") != nullptr) {
    response.fields.emplace_back("Access-Control-Allow-Methods", methods);
    // Client libraries send many headers of their own; none of them means more rights here.
    const std::string* wanted = head.find("access-control-request-headers");
    const bool echoes = wanted != nullptr && is_name_list(*wanted);
    response.fields.emplace_back(
        "Access-Control-Allow-Headers",
        echoes ? *wanted
               : "Authorization, Content-Type, X-Api-Key, X-Request-Id, Idempotency-Key, "
                 "Last-Event-ID, X-Trivet-Resumable");
    response.fields.emplace_back("Access-Control-Max-Age", "600");
  }
  return response;
}

void Session::finish_body() {
  if (exchange_.refusal) return respond(HttpResponse(*exchange_.refusal));
  exchange_.job = std::make_shared<Job>();
  Job& job = *exchange_.job;
  job.route = exchange_.match.route;
  job.path_parameter = exchange_.match.path_parameter;
  job.head = parser_.head();
  job.body = parser_.take_body();
  if (server_.options().log_prompts) exchange_.logged_body = job.body;
  job.context = {.request_id = exchange_.request_id,
                 .tenant = exchange_.tenant,
                 .unix_seconds = unix_seconds(),
                 .admin = is_admin()};
  job.budget = std::move(exchange_.budget);
  job.key = exchange_.key;
  if (!take_earlier_answer()) dispatch();
}

void Session::dispatch() {
  state_ = State::kParsing;
  exchange_.job->ticket = std::move(exchange_.ticket);
  const auto run = [](ServerState& server, Job& job) {
    const ModelView view(server.model(), job.key.get());
    Answer answer = job.route->answer({.server = server,
                                       .model = view.get(),
                                       .body = job.body,
                                       .path_parameter = job.path_parameter,
                                       .query = job.head.query,
                                       .head = job.head,
                                       .context = job.context,
                                       .ticket = &job.ticket});
    const auto* response = std::get_if<HttpResponse>(&answer);
    if (response != nullptr && job.keyed != nullptr) job.keyed->settle(*response);
    return answer;
  };
  if (exchange_.job->body.size() <= kInlineBodyBytes && !exchange_.job->route->blocks)
    return take_answer(run(server_, *exchange_.job));
  auto work = [run, &server = server_, job = exchange_.job, lane = lane_,
               session = std::weak_ptr<Session*>(self_)] {
    auto answer = std::make_shared<Answer>(run(server, *job));
    lane->post([answer, session] {
      const auto alive = session.lock();
      if (!alive || (*alive)->state_ != State::kParsing) return;
      (*alive)->take_answer(std::move(*answer));
      (*alive)->settle();
    });
  };
  if (!server_.workers().submit(std::move(work))) {
    server_.metrics().on_rejection(Rejection::kQueueFull);
    respond(error_response(503, "ServiceUnavailable",
                           "too many large requests are waiting; try again later", 1));
  }
}

void Session::take_answer(Answer answer) {
  exchange_.ticket = std::move(exchange_.job->ticket);
  if (const auto* response = std::get_if<HttpResponse>(&answer)) return respond(*response);
  if (auto* feed = std::get_if<FeedCall>(&answer)) return start_feed(std::move(*feed));
  auto& call = std::get<EngineCall>(answer);
  exchange_.ignored_fields = joined(call.ignored_fields);
  if (std::optional<FeedCall> feed = detach(call)) return start_feed(std::move(*feed));
  start_call(std::move(call));
}

void Session::start_call(EngineCall answer) {
  exchange_.live = std::make_unique<LiveCall>(server_.engine_access(), lane_, *this,
                                              std::move(answer.call), exchange_.ticket.get());
  const Result<void> submitted =
      exchange_.live->submit(exchange_.started + server_.options().request_timeout);
  if (submitted.ok()) {
    exchange_.job.reset();
    exchange_.last_sent = now();
    state_ = State::kGenerating;
    return;
  }
  if (const LimitRefusal* refusal = exchange_.live->refusal())
    return respond(limit_response(*refusal));
  exchange_.live.reset();
  if (submitted.error().code() == ErrorCode::kAlreadyExists && !exchange_.renamed) {
    // A client may repeat an X-Request-Id while the first request still runs (or is being
    // cancelled).
    exchange_.renamed = true;
    exchange_.job->context.request_id.resize(std::min<size_t>(exchange_.request_id.size(), 95));
    exchange_.job->context.request_id.append("-").append(random_id());
    return dispatch();
  }
  refuse_call(submitted.error());
}

void Session::refuse_call(const Error& error) {
  if (exchange_.ticket) exchange_.ticket->settle(0, 0);
  if (error.code() == ErrorCode::kResourceExhausted)
    server_.metrics().on_rejection(Rejection::kQueueFull);
  if (error.code() == ErrorCode::kUnavailable) server_.metrics().on_rejection(Rejection::kDraining);
  respond(error_response(to_api_error(error)));
}

}  // namespace trivet
