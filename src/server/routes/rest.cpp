// Pausing and sleeping, as vLLM's development endpoints name them.
#include <thread>

#include "server/http/query.h"
#include "server/plain_answer.h"
#include "server/routes/admin.h"
#include "server/server_state.h"

namespace trivet::routes {
namespace {

// These routes run beside the I/O threads, so they may wait a little: for the end of a step, but
// not for answers that run to their end.
constexpr Duration kPatience = std::chrono::seconds(2);
constexpr Duration kPollInterval = std::chrono::milliseconds(2);

bool settles(const Engine& engine, const Clock& clock) {
  const TimePoint limit = clock.now() + kPatience;
  for (;;) {
    const RestState state = engine.rest_state();
    if (state.wanted == state.reached) return true;
    if (clock.now() >= limit) return false;
    std::this_thread::sleep_for(kPollInterval);
  }
}

std::optional<LiveRequests> live_mode(std::string_view mode) {
  if (mode == "abort") return LiveRequests::kAbort;
  if (mode == "wait") return LiveRequests::kFinish;
  if (mode == "keep") return LiveRequests::kKeep;
  return std::nullopt;
}

HttpResponse bad_query(const std::string& message) {
  return error_response(400, "BadRequestError", message);
}

HttpResponse status_response(int status, std::string_view word) {
  HttpResponse response;
  response.status = status;
  response.body = "{\"status\":\"" + std::string(word) + "\"}";
  return response;
}

HttpResponse flag_response(std::string_view name, bool value) {
  return json_response("{\"" + std::string(name) + "\":" + (value ? "true" : "false") + "}");
}

// The mode of the query; vLLM's older wait_for_inflight_requests=true is mode=wait.
Answer go_to_rest(const RouteCall& call, EngineRest wanted, std::string_view doing,
                  std::string_view done) {
  if (auto refusal = refuse_unless_admin(call)) return *std::move(refusal);
  const auto waits = query_value(call.query, "wait_for_inflight_requests");
  const std::string mode =
      query_value(call.query, "mode").value_or(waits == "true" ? "wait" : "abort");
  const auto live = live_mode(mode);
  if (!live) return bad_query("mode must be abort, wait or keep");
  Engine& engine = *call.server.engine();
  if (wanted == EngineRest::kPaused && engine.rest_state().reached == EngineRest::kAsleep) {
    return error_response(409, "ConflictError", "the engine sleeps; POST /wake_up first");
  }
  engine.rest(wanted, *live);
  if (wanted == EngineRest::kPaused && *live != LiveRequests::kKeep &&
      query_value(call.query, "clear_cache").value_or("true") != "false") {
    engine.forget_prefixes();
  }
  return settles(engine, call.server.clock()) ? status_response(200, done)
                                              : status_response(202, doing);
}

Answer pause(const RouteCall& call) {
  return go_to_rest(call, EngineRest::kPaused, "pausing", "paused");
}

Answer sleep(const RouteCall& call) {
  const std::string level = query_value(call.query, "level").value_or("1");
  if (level == "0") return go_to_rest(call, EngineRest::kPaused, "pausing", "paused");
  if (level == "2") {
    if (auto refusal = refuse_unless_admin(call)) return *std::move(refusal);
    return error_response(501, "NotImplementedError",
                          "level 2 would drop the weights, which cannot be loaded again; level 1 "
                          "frees the key/value memory");
  }
  if (level != "1") return bad_query("level must be 0, 1 or 2");
  return go_to_rest(call, EngineRest::kAsleep, "falling asleep", "asleep");
}

Answer go_on(const RouteCall& call, std::string_view done) {
  Engine& engine = *call.server.engine();
  engine.rest(EngineRest::kNone, LiveRequests::kKeep);
  settles(engine, call.server.clock());
  const RestState state = engine.rest_state();
  if (state.error) return error_response(to_api_error(*state.error));
  return status_response(200, done);
}

Answer resume(const RouteCall& call) {
  if (auto refusal = refuse_unless_admin(call)) return *std::move(refusal);
  if (call.server.engine()->rest_state().wanted == EngineRest::kAsleep) {
    return error_response(409, "ConflictError", "the engine sleeps; POST /wake_up instead");
  }
  return go_on(call, "resumed");
}

// The only thing that sleeps is the cache: whatever tags the query names, all of it wakes up.
Answer wake_up(const RouteCall& call) {
  if (auto refusal = refuse_unless_admin(call)) return *std::move(refusal);
  return go_on(call, "awake");
}

Answer is_paused(const RouteCall& call) {
  return flag_response("is_paused",
                       call.server.engine()->rest_state().reached != EngineRest::kNone);
}

Answer is_sleeping(const RouteCall& call) {
  return flag_response("is_sleeping",
                       call.server.engine()->rest_state().reached == EngineRest::kAsleep);
}

// Later prompts find nothing cached; running ones keep what they have.
Answer reset_prefix_cache(const RouteCall& call) {
  if (auto refusal = refuse_unless_admin(call)) return *std::move(refusal);
  call.server.engine()->forget_prefixes();
  return HttpResponse{.content_type = ""};
}

Route post(std::string_view path, AnswerFunction answer) {
  return {.method = "POST", .path = path, .answer = answer, .needs_model = true, .blocks = true};
}

}  // namespace

Route pause_route() { return post("/pause", pause); }
Route resume_route() { return post("/resume", resume); }
Route sleep_route() { return post("/sleep", sleep); }
Route wake_up_route() { return post("/wake_up", wake_up); }
Route reset_prefix_cache_route() { return post("/reset_prefix_cache", reset_prefix_cache); }

Route is_paused_route() {
  return {.method = "GET", .path = "/is_paused", .answer = is_paused, .needs_model = true};
}

Route is_sleeping_route() {
  return {.method = "GET", .path = "/is_sleeping", .answer = is_sleeping, .needs_model = true};
}

}  // namespace trivet::routes
