// The OpenAI Conversations API.
#include "api/conversations/conversation_json.h"
#include "api/files/file_json.h"
#include "api/json_fields.h"
#include "api/responses/stored_response.h"
#include "server/plain_answer.h"
#include "server/route.h"
#include "server/routes/page_query.h"
#include "server/server_state.h"
#include "server/services/response_service.h"
#include "server/services/services.h"
#include "server/services/stored_history.h"

namespace trivet::routes {
namespace {

HttpResponse state_failed(const Error& error) { return error_response(to_api_error(error)); }

HttpResponse nothing_of(std::string_view what) {
  return error_response(404, "NotFoundError", "there is no " + std::string(what) + " of this id");
}

// Of the path: "CONVERSATION" or "CONVERSATION/ITEM".
std::string conversation_of(const RouteCall& call) {
  return std::string(call.path_parameter.substr(0, call.path_parameter.find('/')));
}
std::string item_of(const RouteCall& call) {
  const size_t slash = call.path_parameter.find('/');
  return slash == std::string_view::npos ? "" : std::string(call.path_parameter.substr(slash + 1));
}

std::optional<ConversationBody> read_items_and_metadata(const RouteCall& call, FirstError& error) {
  ResponseService& responses = call.server.services().responses();
  StoredHistory history(call.server.services(), responses.held_conversations(),
                        call.context.tenant);
  return read_conversation_body(call.body, make_id(""), history, error);
}

Answer create_conversation(const RouteCall& call) {
  FirstError error;
  const auto body = read_items_and_metadata(call, error);
  if (!body) return error_response(error.take());
  const auto state = call.server.services().state();
  if (!state) return state_failed(state.error());
  const ConversationRecord conversation{.id = make_id("conv_"),
                                        .tenant = call.context.tenant,
                                        .created = call.context.unix_seconds,
                                        .metadata = body->metadata.value_or("{}")};
  const auto put = (*state)->conversations().put(conversation, body->items);
  return put ? json_response(conversation_json(conversation)) : state_failed(put.error());
}

// The conversation as it is now.
Answer show_conversation(const RouteCall& call) {
  const auto state = call.server.services().state();
  if (!state) return state_failed(state.error());
  const auto found = (*state)->conversations().find(conversation_of(call), call.context.tenant);
  if (!found) return state_failed(found.error());
  return *found ? json_response(conversation_json(**found)) : nothing_of("conversation");
}

Answer change_conversation(const RouteCall& call) {
  FirstError error;
  const auto body = read_items_and_metadata(call, error);
  if (body && !body->metadata) error.bad_request("`metadata` is missing.", "metadata");
  if (error) return error_response(error.take());
  const auto state = call.server.services().state();
  if (!state) return state_failed(state.error());
  const auto changed = (*state)->conversations().set_metadata(conversation_of(call),
                                                              call.context.tenant, *body->metadata);
  if (!changed) return state_failed(changed.error());
  return *changed ? show_conversation(call) : nothing_of("conversation");
}

Answer erase_conversation(const RouteCall& call) {
  const auto state = call.server.services().state();
  if (!state) return state_failed(state.error());
  const auto erased = (*state)->conversations().erase(conversation_of(call), call.context.tenant);
  if (!erased) return state_failed(erased.error());
  if (!*erased) return nothing_of("conversation");
  return json_response(deleted_json(conversation_of(call), "conversation.deleted"));
}

Answer list_items(const RouteCall& call) {
  HttpResponse refusal;
  const auto page = read_page_query(call.query, 20, 100, refusal);
  if (!page) return refusal;
  const auto state = call.server.services().state();
  if (!state) return state_failed(state.error());
  const auto all = (*state)->conversations().items(conversation_of(call), call.context.tenant);
  if (!all) return state_failed(all.error());
  return json_response(
      page_of_items(item_array(*all), page->after, page->limit, page->newest_first));
}

Answer add_items(const RouteCall& call) {
  FirstError error;
  const auto body = read_items_and_metadata(call, error);
  if (body && body->items.empty()) error.bad_request("`items` is missing or empty.", "items");
  if (error) return error_response(error.take());
  const auto state = call.server.services().state();
  if (!state) return state_failed(state.error());
  const std::string id = conversation_of(call);
  const auto known = (*state)->conversations().find(id, call.context.tenant);
  if (!known) return state_failed(known.error());
  if (!*known) return nothing_of("conversation");
  const auto hold = call.server.services().responses().held_conversations().take(id);
  if (hold == nullptr) return state_failed(conversation_is_held(id));
  const auto added = (*state)->conversations().add(id, call.context.tenant, body->items,
                                                   call.context.unix_seconds);
  if (!added) return state_failed(added.error());
  std::vector<std::string> shown;
  for (const ConversationItem& item : body->items) shown.push_back(item.json);
  const int count = static_cast<int>(shown.size());
  return json_response(page_of_items(item_array(shown), "", count, false));
}

Answer show_item(const RouteCall& call) {
  const auto state = call.server.services().state();
  if (!state) return state_failed(state.error());
  auto found = (*state)->conversations().find_item(conversation_of(call), item_of(call),
                                                   call.context.tenant);
  if (!found) return state_failed(found.error());
  return *found ? json_response(**std::move(found)) : nothing_of("item");
}

Answer erase_item(const RouteCall& call) {
  const auto state = call.server.services().state();
  if (!state) return state_failed(state.error());
  const auto erased = (*state)->conversations().erase_item(conversation_of(call), item_of(call),
                                                           call.context.tenant);
  if (!erased) return state_failed(erased.error());
  return *erased ? show_conversation(call) : nothing_of("item");
}

Route conversation_route_of(std::string_view method, std::string_view path, AnswerFunction answer) {
  return {.method = method, .path = path, .answer = answer, .blocks = true};
}

constexpr std::string_view kConversationPath = "/v1/conversations/{id}";
constexpr std::string_view kItemsPath = "/v1/conversations/{id}/items";
constexpr std::string_view kItemPath = "/v1/conversations/{id}/items/{item}";

}  // namespace

Route conversation_create_route() {
  return conversation_route_of("POST", "/v1/conversations", create_conversation);
}
Route conversation_route() {
  return conversation_route_of("GET", kConversationPath, show_conversation);
}
Route conversation_change_route() {
  return conversation_route_of("POST", kConversationPath, change_conversation);
}
Route conversation_delete_route() {
  return conversation_route_of("DELETE", kConversationPath, erase_conversation);
}
Route conversation_items_route() { return conversation_route_of("GET", kItemsPath, list_items); }
Route conversation_add_route() { return conversation_route_of("POST", kItemsPath, add_items); }
Route conversation_item_route() { return conversation_route_of("GET", kItemPath, show_item); }
Route conversation_item_delete_route() {
  return conversation_route_of("DELETE", kItemPath, erase_item);
}

}  // namespace trivet::routes
