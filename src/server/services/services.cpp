#include "server/services/services.h"

#include <openssl/sha.h>

#include "server/services/batch_service.h"
#include "server/services/model_pulls.h"
#include "server/services/response_service.h"

namespace trivet {
namespace {

constexpr Duration kSweepInterval = std::chrono::seconds(5);
constexpr LogShelf::Limits kStreamLimits = {};
constexpr LogShelf::Limits kKeyLimits = {.max_logs = 16384,
                                         .max_bytes = 64 << 20,
                                         .keep_ended = std::chrono::hours(1),
                                         .keep_alone = std::chrono::hours(1)};

std::string digest_of(std::string_view text) {
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest);
  return {reinterpret_cast<const char*>(digest), sizeof digest};
}

// No tenant can make the key of another one: names are preceded by their length.
std::string joined_key(std::string_view tenant, std::string_view name) {
  return std::to_string(tenant.size()) + ":" + std::string(tenant) + std::string(name);
}

StreamShape shape_of(const GenerationCall& call, bool resumable) {
  StreamShape shape;
  shape.content_type = call.stream_content_type();
  shape.ping = call.streamed() ? call.stream_ping() : std::string_view();
  const bool is_sse = shape.content_type.starts_with("text/event-stream");
  shape.event_end = is_sse ? "\n\n" : "\n";
  shape.numbered = resumable && is_sse;
  return shape;
}

HttpResponse failure_response(const GenerationCall& call, const ApiError& error) {
  HttpResponse response = error_response(error);
  response.body = call.encode_error_body(error);
  response.error.reset();
  return response;
}

ApiError error_of(const GenerationCall& call, const Error* refusal) {
  if (call.error()) return *call.error();
  if (refusal != nullptr) return to_api_error(*refusal);
  return to_api_error(Error(ErrorCode::kCancelled, "the request was cancelled"));
}

// A failure before the first event is a response with a status, a later one is the last event.
void finish_log(EventLog& log, const GenerationCall& call, CallEnd end, const Error* refusal) {
  if (end == CallEnd::kDone && call.streamed()) return log.finish(call.usage());
  if (end == CallEnd::kDone) {
    HttpResponse response;
    response.body = call.body();
    return log.finish(std::move(response), call.usage());
  }
  const ApiError error = error_of(call, refusal);
  if (log.empty()) {
    return log.finish(failure_response(call, error), call.usage(), call.encode_error_event(error));
  }
  // A call that failed by itself has written its last event.
  if (!call.error()) log.append(call.encode_error_event(error));
  log.finish(call.usage());
}

bool failed(const EventLog& log) {
  const auto response = log.response();
  return response && response->status >= 300;
}

}  // namespace

Services::Services(const ServerOptions& options, EngineBridge& bridge, Metrics& metrics,
                   KeyGuard& keys, const Clock& clock)
    : options_(options),
      keys_(keys),
      runner_(bridge, &metrics, &keys),
      streams_(kStreamLimits, clock),
      keyed_(kKeyLimits, clock),
      responses_(std::make_unique<ResponseService>(*this, options)),
      batches_(std::make_unique<BatchService>(*this, options)),
      pulls_(std::make_unique<ModelPulls>(options.model_store)) {}

Services::~Services() { stop(); }

void Services::attach(Engine& engine, const ServedModel& model) {
  runner_.attach(engine);
  batches_->attach(model);
  if (!StateFolder::exists(options_.state_dir) || !state()) return;
  runner_.post([this, &model] {
    responses_->take_up_all(model);
    batches_->take_up_all();
  });
}

void Services::suspend() {
  responses_->suspend();
  batches_->suspend();
  pulls_->stop();
}

void Services::stop() {
  pulls_->stop();
  runner_.stop();
}

Result<StateFolder*> Services::state() {
  const std::lock_guard lock(state_mutex_);
  if (state_ == nullptr) {
    TRIVET_ASSIGN_OR_RETURN(state_, StateFolder::open(options_.state_dir));
    begin_sweeping();
  }
  return state_.get();
}

StateFolder* Services::state_if_open() {
  const std::lock_guard lock(state_mutex_);
  return state_.get();
}

void Services::begin_sweeping() {
  std::call_once(sweeping_,
                 [this] { runner_.post_after(kSweepInterval, [this] { sweep_forever(); }); });
}

void Services::sweep_forever() {
  streams_.sweep();
  keyed_.sweep();
  responses_->tidy();
  runner_.post_after(kSweepInterval, [this] { sweep_forever(); });
}

FeedCall Services::detach(std::unique_ptr<GenerationCall> call, std::unique_ptr<KeyTicket> ticket,
                          const std::string& tenant, bool resumable, TimePoint deadline) {
  FeedCall feed{.log = std::make_shared<EventLog>(shape_of(*call, resumable))};
  if (resumable) {
    const std::string id = make_id("strm_");
    if (streams_.add(joined_key(tenant, id), feed.log).log == nullptr) {
      feed.log->finish(error_response(
          503, "ServiceUnavailable", "too many resumable streams are running; try again later", 1));
      return feed;
    }
    feed.fields.emplace_back("X-Trivet-Stream-Id", id);
  }
  begin_sweeping();
  auto held = std::make_shared<DetachedCall>();
  held->call = std::move(call);
  held->ticket = std::move(ticket);
  held->deadline = deadline;
  runner_.post([this, held, log = feed.log] {
    DetachedCall& detached = *held;
    detached.on_bytes = [log, running = detached.call.get()](const std::string& bytes) {
      if (!running->error() || !log->empty()) log->append(bytes);
    };
    detached.on_end = [log](GenerationCall& ended, CallEnd end, const Error* refusal) {
      finish_log(*log, ended, end, refusal);
    };
    const uint64_t number = runner_.start(std::move(detached));
    log->on_cancel([this, number] { runner_.post([this, number] { runner_.cancel(number); }); });
  });
  return feed;
}

std::shared_ptr<EventLog> Services::stream(const std::string& tenant, const std::string& id) {
  return streams_.find(joined_key(tenant, id)).log;
}

void Services::forget_stream(const std::string& tenant, const std::string& id) {
  streams_.remove(joined_key(tenant, id));
}

Services::KeyUse Services::use_key(const Key& key) {
  begin_sweeping();
  const std::string name =
      joined_key(key.tenant, std::string(key.path) + "\n" + std::string(key.key));
  const std::string tag = digest_of(key.body);
  const auto log = std::make_shared<EventLog>(StreamShape{.ping = ""});
  const LogShelf::Entry before = keyed_.find(name);
  if (before.log != nullptr && failed(*before.log)) keyed_.remove(name);  // a retry may do better
  const LogShelf::Entry entry = keyed_.add(name, log, tag);
  KeyUse use;
  if (entry.log == nullptr) {
    use.refusal = error_response(503, "ServiceUnavailable",
                                 "too many requests with an Idempotency-Key are running", 1);
  } else if (entry.tag != tag) {
    use.refusal = error_response(422, "UnprocessableEntityError",
                                 "the Idempotency-Key was used with another body; take a new one");
  } else if (entry.log != log) {
    use.earlier = entry.log;
  } else {
    use.first = std::make_unique<KeyedAnswer>(keyed_, name, log);
  }
  return use;
}

Services::KeyedAnswer::~KeyedAnswer() {
  settle(error_response(503, "ServiceUnavailable",
                        "the first request with this Idempotency-Key was lost; try again", 1));
}

void Services::KeyedAnswer::settle(const HttpResponse& response) {
  if (log_ == nullptr) return;
  if (response.status >= 300) shelf_.remove(key_);
  log_->finish(response);
  log_ = nullptr;
}

void Services::KeyedAnswer::settle(const std::shared_ptr<EventLog>& log) {
  if (log_ == nullptr) return;
  shelf_.replace(key_, log);
  log_->redirect(log);
  log_ = nullptr;
}

}  // namespace trivet
