// Answers that are written elsewhere: a session reads along, goes away, comes back.
#include "server/services/services.h"
#include "server/session.h"

namespace trivet {
namespace {

constexpr size_t kFeedHighWaterBytes = 64 << 10;  // unsent, at which the log waits
constexpr size_t kMaxKeyBytes = 255;

bool asks_to_resume(const HttpHead& head) {
  const std::string* value = head.find("x-trivet-resumable");
  return value != nullptr && (*value == "1" || equal_ignoring_case(*value, "true"));
}

}  // namespace

// With an Idempotency-Key the first request works and the others read along. True: answered or
// being answered.
bool Session::take_earlier_answer() {
  const HttpHead& head = exchange_.job->head;
  const std::string* key = head.find("idempotency-key");
  if (key == nullptr || head.method != "POST") return false;
  if (key->empty() || key->size() > kMaxKeyBytes) {
    respond(error_response(
        400, "BadRequestError",
        "the Idempotency-Key must have 1 to " + std::to_string(kMaxKeyBytes) + " characters"));
    return true;
  }
  Services::KeyUse use = server_.services().use_key(
      {.tenant = exchange_.tenant, .path = head.path, .key = *key, .body = exchange_.job->body});
  if (use.refusal) {
    respond(*use.refusal);
    return true;
  }
  if (use.earlier != nullptr) {
    exchange_.job.reset();
    start_feed({.log = std::move(use.earlier), .fields = {{"Idempotent-Replayed", "true"}}});
    return true;
  }
  exchange_.job->keyed = std::move(use.first);
  // The work may outlive this exchange, and then its id must not meet the next one's.
  exchange_.job->context.request_id.resize(std::min<size_t>(exchange_.request_id.size(), 95));
  exchange_.job->context.request_id.append("-").append(random_id());
  return false;
}

// The feed of a call that is to outlive its client, which then runs without it.
std::optional<FeedCall> Session::detach(EngineCall& answer) {
  const bool resumable = answer.call->streamed() && (asks_to_resume(exchange_.job->head) ||
                                                     answer.call->wants_resumable_stream());
  if (!resumable && exchange_.job->keyed == nullptr) return std::nullopt;
  return server_.services().detach(std::move(answer.call), std::move(exchange_.ticket),
                                   exchange_.tenant, resumable,
                                   exchange_.started + server_.options().request_timeout);
}

void Session::start_feed(FeedCall feed) {
  if (exchange_.job != nullptr && exchange_.job->keyed != nullptr) {
    feed.log->keep_what_was_read();
    exchange_.job->keyed->settle(feed.log);
    feed.ends_with_client = false;  // whoever retries reads on
  }
  if (parser_.head().method == "HEAD") {
    HttpResponse response;
    response.content_type = feed.log->shape().content_type;
    return respond(response);
  }
  exchange_.job.reset();
  exchange_.last_sent = now();
  state_ = State::kGenerating;
  exchange_.feed = std::make_unique<Feed>(std::move(feed));
  watch(exchange_.feed->call.log);
  read_feed();
}

void Session::watch(const std::shared_ptr<EventLog>& log) {
  Feed& feed = *exchange_.feed;
  feed.call.log->unsubscribe(feed.subscription);
  feed.call.log = log;
  feed.subscription = log->subscribe([lane = lane_, session = std::weak_ptr<Session*>(self_)] {
    lane->post([session] {
      const auto alive = session.lock();
      if (!alive) return;
      (*alive)->read_feed();
      (*alive)->settle();
    });
  });
}

// Takes what the log has, as long as the client takes it, too.
void Session::read_feed() {
  while (state_ == State::kGenerating && exchange_.feed) {
    FeedCall& feed = exchange_.feed->call;
    if (const auto successor = feed.log->successor()) {
      watch(successor);
      continue;
    }
    if (const auto response = feed.log->response()) {
      return end_feed_with(*response, feed.log->last_bytes());
    }
    if (pending_.size() >= kFeedHighWaterBytes) return;
    EventLog::Piece piece = feed.log->read(feed.from, kFeedHighWaterBytes);
    if (piece.lost && exchange_.stream_open) {
      drop("slow_reader");
      return transport_.cut();
    }
    if (piece.lost) {
      return end_feed_with(
          error_response(410, "GoneError",
                         "the events from number " + std::to_string(feed.from) + " on are gone"),
          "");
    }
    feed.from = piece.next;
    if (!piece.bytes.empty()) {
      if (!exchange_.stream_open) open_stream();
      exchange_.chunk += piece.bytes;
      frame_chunk();
    }
    if (piece.ended) return end_stream();
    if (piece.bytes.empty()) return;
  }
}

void Session::end_feed_with(const HttpResponse& response, std::string_view last_bytes) {
  const FeedCall& feed = exchange_.feed->call;
  if (feed.ends_with_client) feed.log->cancel();
  if (exchange_.stream_open) {
    exchange_.chunk += last_bytes;
    return end_stream();
  }
  HttpResponse whole = response;
  whole.fields.insert(whole.fields.end(), feed.fields.begin(), feed.fields.end());
  respond(whole);
}

bool Session::sends_ping() const {
  return exchange_.feed ? !exchange_.feed->call.log->shape().ping.empty()
                        : exchange_.live->streamed();
}

}  // namespace trivet
