// Streams that clients come back to.
#include "api/files/file_json.h"
#include "server/plain_answer.h"
#include "server/route.h"
#include "server/routes/page_query.h"
#include "server/server_state.h"
#include "server/services/services.h"

namespace trivet::routes {
namespace {

HttpResponse no_such_stream() {
  return error_response(404, "NotFoundError",
                        "there is no stream with this id; they are kept for some minutes only");
}

// The number of the first event that the client has not seen: Last-Event-ID as EventSource sends
// it, or the query.
std::optional<uint64_t> first_event(const RouteCall& call, std::optional<HttpResponse>& refusal) {
  auto after = read_number(call.query, "starting_after", refusal);
  if (const std::string* last = call.head.find("last-event-id")) {
    after = read_number("id=" + *last, "id", refusal);
  }
  return after ? std::optional(std::min(*after, UINT64_MAX - 1) + 1) : std::nullopt;
}

Answer get_stream(const RouteCall& call) {
  std::optional<HttpResponse> refusal;
  const uint64_t from = first_event(call, refusal).value_or(0);
  if (refusal) return *refusal;
  const std::string id(call.path_parameter);
  auto log = call.server.services().stream(call.context.tenant, id);
  if (log == nullptr) return no_such_stream();
  return FeedCall{.log = std::move(log), .from = from, .fields = {{"X-Trivet-Stream-Id", id}}};
}

Answer erase_stream(const RouteCall& call) {
  const std::string id(call.path_parameter);
  const auto log = call.server.services().stream(call.context.tenant, id);
  if (log == nullptr) return no_such_stream();
  log->cancel();
  call.server.services().forget_stream(call.context.tenant, id);
  return json_response(deleted_json(id, "stream"));
}

}  // namespace

Route stream_route() { return {.method = "GET", .path = "/v1/streams/{id}", .answer = get_stream}; }

Route stream_delete_route() {
  return {.method = "DELETE", .path = "/v1/streams/{id}", .answer = erase_stream};
}

}  // namespace trivet::routes
