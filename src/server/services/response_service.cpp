#include "server/services/response_service.h"

#include <thread>

#include "api/conversations/conversation_json.h"
#include "api/files/file_json.h"
#include "api/responses/stored_response.h"
#include "base/clock.h"
#include "server/guard/model_view.h"
#include "server/plain_answer.h"
#include "server/server_state.h"
#include "server/services/services.h"
#include "server/services/stored_history.h"

namespace trivet {
namespace {

constexpr int64_t kTidyIntervalSeconds = 300;
constexpr Duration kResponseCancelPatience = std::chrono::seconds(5);

HttpResponse no_such_response() {
  return error_response(404, "NotFoundError", "there is no response with this id");
}

StreamShape shape_of(const ResponseCall& response) {
  StreamShape shape;
  if (!response.streamed()) shape.ping = "";
  shape.read_once = !response.request().background;
  return shape;
}

}  // namespace

ResponseService::ResponseService(Services& services, const ServerOptions& options)
    : services_(services), options_(options) {}

ResponseService::~ResponseService() = default;

Answer ResponseService::create(const RouteCall& call) {
  StoredHistory history(services_, held_conversations_, call.context.tenant);
  ParsedResponse parsed =
      parse_response(call.body, *call.model, call.context, make_id("resp_"), history);
  if (parsed.error) return error_response(*parsed.error);
  if (!parsed.call->request().store) return run_unstored(std::move(parsed));
  return run_stored(call, std::move(parsed.call), history.hold());
}

Answer ResponseService::run_unstored(ParsedResponse parsed) {
  return EngineCall{std::move(parsed.call), std::move(parsed.ignored_fields)};
}

Answer ResponseService::run_stored(const RouteCall& call, std::unique_ptr<ResponseCall> response,
                                   std::shared_ptr<HeldNames::Hold> conversation) {
  const auto state = services_.state();
  if (!state) return error_response(to_api_error(state.error()));
  const bool background = response->request().background;
  auto stored = std::make_shared<StoredResponse>();
  stored->id = response->id();
  stored->tenant = call.context.tenant;
  stored->created = call.context.unix_seconds;
  stored->status = response->status();
  stored->background = background;
  stored->previous = response->request().previous_id;
  if (background) stored->request = call.body;
  stored->object = response->object();
  stored->input = response->request().input_items;
  stored->turn = "[" + response->request().turn + "]";
  const auto put = (*state)->responses().put(*stored);
  if (!put) return error_response(to_api_error(put.error()));

  const bool streamed = response->streamed();
  auto log = std::make_shared<EventLog>(shape_of(*response));
  start(std::move(response), call.ticket == nullptr ? nullptr : std::move(*call.ticket),
        {.tenant = stored->tenant,
         .background = background,
         .log = log,
         .stored = stored,
         .conversation = std::move(conversation)});
  if (background && !streamed) return json_response(stored->object);
  return FeedCall{.log = std::move(log), .ends_with_client = !background};
}

// Any thread. The runner takes it from here.
void ResponseService::start(std::unique_ptr<ResponseCall> response,
                            std::unique_ptr<KeyTicket> ticket, Live live) {
  {
    const std::lock_guard lock(mutex_);
    live_[live.stored->id] = live;
  }
  auto held = std::make_shared<DetachedCall>();
  ResponseCall* const made = response.get();
  held->call = std::move(response);
  held->ticket = std::move(ticket);
  held->deadline = SteadyClock().now() + options_.request_timeout;
  services_.runner().post([this, held, made, live] {
    DetachedCall& detached = *held;
    detached.on_start = [this, made, live] {
      live.log->append(made->open());
      live.log->append(made->begin());
      if (live.background) store_begin(*made, live);
    };
    detached.on_bytes = [this, made, live](const std::string& bytes) {
      // The last events wait for the store: whoever has seen them finds the response there.
      if (made->done()) return store_end(*made, live, bytes);
      live.log->append(bytes);
    };
    detached.on_end = [this, made, live](GenerationCall&, CallEnd how, const Error* refusal) {
      end(*made, how, refusal, live);
    };
    const uint64_t number = services_.runner().start(std::move(detached));
    live.log->on_cancel([this, number] {
      services_.runner().post([this, number] { services_.runner().cancel(number); });
    });
  });
}

void ResponseService::end(ResponseCall& response, CallEnd how, const Error* refusal,
                          const Live& live) {
  const std::string id = response.id();
  if (live.background && suspended_.load() && !response.done()) {
    live.log->finish();  // the store still says that it runs
    return forget(id);
  }
  std::string last_events;
  if (how == CallEnd::kCancelled) last_events = response.cancel();
  if (refusal != nullptr) {
    (void)response.fail(to_api_error(*refusal));
    if (!live.background) {
      // Nothing was begun: an error, and no response.
      if (const auto state = services_.state()) (void)(*state)->responses().erase(id, live.tenant);
      if (live.conversation) live.conversation->release();
      live.log->finish(error_response(to_api_error(*refusal)));
      return forget(id);
    }
  }
  if (!live.log->ended()) store_end(response, live, last_events);
  if (!live.log->ended()) {
    const bool failed = response.error() && !response.streamed() && !live.background;
    live.log->finish(failed ? error_response(*response.error()) : json_response(response.object()),
                     response.usage());
  }
  forget(id);
}

void ResponseService::store_begin(const ResponseCall& response, const Live& live) {
  StoredResponse stored = *live.stored;
  stored.status = response.status();
  stored.object = response.object();
  if (const auto state = services_.state()) (void)(*state)->responses().update(stored);
}

void ResponseService::store_end(const ResponseCall& response, const Live& live,
                                const std::string& last_events) {
  StoredResponse stored = *live.stored;
  stored.status = response.status();
  stored.request.clear();
  stored.object = response.object();
  stored.turn = response.turn();
  if (live.background && response.streamed()) {
    EventLog::Piece piece = live.log->read(0, EventLog::kMaxBytes);
    if (!piece.lost) stored.events = piece.bytes + last_events;
  }
  ConversationGrowth growth;
  const bool is_answer = stored.status == "completed" || stored.status == "incomplete";
  if (response.request().conversation && is_answer) {
    growth.conversation = *response.request().conversation;
    growth.items = conversation_items(stored.input);
    const auto answer = conversation_items(output_items(stored.object));
    growth.items.insert(growth.items.end(), answer.begin(), answer.end());
    growth.now = unix_seconds();
  }
  if (const auto state = services_.state()) (void)(*state)->responses().update(stored, growth);
  if (live.conversation) live.conversation->release();
  if (!response.streamed()) return;
  live.log->append(last_events);
  live.log->finish(response.usage());
}

void ResponseService::forget(const std::string& id) {
  const std::lock_guard lock(mutex_);
  live_.erase(id);
}

std::shared_ptr<EventLog> ResponseService::live_log(const std::string& id,
                                                    const std::string& tenant) {
  const std::lock_guard lock(mutex_);
  const auto found = live_.find(id);
  const bool theirs = found != live_.end() && found->second.tenant == tenant;
  return theirs && found->second.background ? found->second.log : nullptr;
}

Answer ResponseService::get(const RouteCall& call, const std::string& id) {
  const auto state = services_.state();
  if (!state) return error_response(to_api_error(state.error()));
  const auto found = (*state)->responses().find(id, call.context.tenant);
  if (!found) return error_response(to_api_error(found.error()));
  return *found ? json_response((*found)->object) : no_such_response();
}

Answer ResponseService::stream(const RouteCall& call, const std::string& id, uint64_t from) {
  // Looked up in this order: a response that ends in between is in the store by then.
  if (auto log = live_log(id, call.context.tenant)) {
    if (!log->shape().ping.empty()) return FeedCall{.log = std::move(log), .from = from};
  }
  const auto state = services_.state();
  if (!state) return error_response(to_api_error(state.error()));
  const auto found = (*state)->responses().find(id, call.context.tenant);
  if (!found) return error_response(to_api_error(found.error()));
  if (!*found) return no_such_response();
  if ((*found)->events.empty()) {
    return error_response(
        400, "BadRequestError",
        "the response was not made with `background` and `stream`: its events are "
        "not kept");
  }
  auto log = std::make_shared<EventLog>();
  log->append((*found)->events);
  log->finish();
  return FeedCall{.log = std::move(log), .from = from};
}

Answer ResponseService::cancel(const RouteCall& call, const std::string& id) {
  const auto state = services_.state();
  if (!state) return error_response(to_api_error(state.error()));
  auto found = (*state)->responses().find(id, call.context.tenant);
  if (!found) return error_response(to_api_error(found.error()));
  if (!*found) return no_such_response();
  if (!(*found)->background) {
    return error_response(400, "BadRequestError",
                          "only responses made with `background` can be cancelled; close the "
                          "connection of others");
  }
  if (const auto log = live_log(id, call.context.tenant)) {
    log->cancel();
    const TimePoint deadline = SteadyClock().now() + kResponseCancelPatience;
    while (!log->ended() && SteadyClock().now() < deadline) {
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
  }
  return get(call, id);
}

Answer ResponseService::erase(const RouteCall& call, const std::string& id) {
  const auto state = services_.state();
  if (!state) return error_response(to_api_error(state.error()));
  if (live_log(id, call.context.tenant) != nullptr) {
    Answer cancelled = cancel(call, id);
    const auto* response = std::get_if<HttpResponse>(&cancelled);
    if (response != nullptr && response->status >= 300) return cancelled;
  }
  const auto erased = (*state)->responses().erase(id, call.context.tenant);
  if (!erased) return error_response(to_api_error(erased.error()));
  if (!*erased) return no_such_response();
  return json_response(deleted_json(id, "response"));
}

Answer ResponseService::input_items(const RouteCall& call, const std::string& id,
                                    const std::string& after, int limit, bool newest_first) {
  const auto state = services_.state();
  if (!state) return error_response(to_api_error(state.error()));
  const auto found = (*state)->responses().find(id, call.context.tenant);
  if (!found) return error_response(to_api_error(found.error()));
  if (!*found) return no_such_response();
  return json_response(page_of_items((*found)->input, after, limit, newest_first));
}

void ResponseService::take_up_all(const ServedModel& model) {
  const auto state = services_.state();
  if (!state) return;
  auto unfinished = (*state)->responses().unfinished();
  if (!unfinished) return;
  for (StoredResponse& stored : *unfinished) {
    if (stored.background && !stored.request.empty()) {
      take_up(model, std::move(stored));
    } else {
      give_up(std::move(stored));
    }
  }
}

// From the start: the id decides the seed, so the events are those that were lost.
void ResponseService::take_up(const ServedModel& model, StoredResponse stored) {
  const CallContext context{
      .request_id = make_id("again-"), .tenant = stored.tenant, .unix_seconds = stored.created};
  StoredHistory history(services_, held_conversations_, stored.tenant);
  const auto key = services_.keys().ring()->named(stored.tenant);
  const ModelView view(&model, key.get());
  ParsedResponse parsed = parse_response(stored.request, *view.get(), context, stored.id, history);
  if (parsed.error) return give_up(std::move(stored));
  Live live{.tenant = stored.tenant,
            .background = stored.background,
            .log = std::make_shared<EventLog>(shape_of(*parsed.call)),
            .stored = nullptr,
            .conversation = history.hold()};
  auto ticket = services_.keys().reenter(stored.tenant);
  live.stored = std::make_shared<StoredResponse>(std::move(stored));
  start(std::move(parsed.call), std::move(ticket), std::move(live));
}

// Its client has gone with the connection.
void ResponseService::give_up(StoredResponse stored) {
  stored.object =
      with_failure(stored.object, "the server was restarted while it made the response");
  stored.status = "failed";
  stored.request.clear();
  if (const auto state = services_.state()) (void)(*state)->responses().update(stored);
}

void ResponseService::tidy() {
  const int64_t now = unix_seconds();
  if (now < next_tidy_) return;
  next_tidy_ = now + kTidyIntervalSeconds;
  // Only if there is one: this alone must not make a folder.
  if (StateFolder* const state = services_.state_if_open()) (void)state->tidy(now);
}

void ResponseService::suspend() {
  suspended_.store(true);
  std::vector<std::shared_ptr<EventLog>> logs;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [id, live] : live_) {
      if (live.background) logs.push_back(live.log);
    }
  }
  for (const auto& log : logs) log->cancel();
}

}  // namespace trivet
