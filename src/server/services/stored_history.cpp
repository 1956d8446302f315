#include "server/services/stored_history.h"

#include "api/responses/stored_response.h"
#include "server/services/services.h"

namespace trivet {
namespace {

// The response in whose making the item got its id: "msg_abc_0" is of "resp_abc".
std::string response_of_item(std::string_view item) {
  const size_t begin = item.find('_'), end = item.rfind('_');
  if (begin == std::string_view::npos || begin == end) return {};
  return "resp_" + std::string(item.substr(begin + 1, end - begin - 1));
}

}  // namespace

Result<std::vector<std::string>> StoredHistory::turns(std::string_view response) {
  TRIVET_ASSIGN_OR_RETURN(StateFolder* const state, services_.state());
  return state->responses().conversation(response, tenant_);
}

Result<std::vector<std::string>> StoredHistory::conversation(std::string_view id) {
  TRIVET_ASSIGN_OR_RETURN(StateFolder* const state, services_.state());
  TRIVET_ASSIGN_OR_RETURN(const auto known, state->conversations().find(id, tenant_));
  if (known) {
    hold_ = conversations_.take(std::string(id));
    if (hold_ == nullptr) return conversation_is_held(id);
  }
  TRIVET_ASSIGN_OR_RETURN(auto items, state->conversations().items(id, tenant_));
  if (items.size() < ConversationStore::kMaxItems) return items;
  return Error(ErrorCode::kInvalidArgument, "the conversation " + std::string(id) + " has " +
                                                std::to_string(items.size()) +
                                                " items; begin a new one");
}

Result<std::string> StoredHistory::item(std::string_view id) {
  TRIVET_ASSIGN_OR_RETURN(StateFolder* const state, services_.state());
  TRIVET_ASSIGN_OR_RETURN(auto of_conversation, state->conversations().find_item("", id, tenant_));
  if (of_conversation) return *std::move(of_conversation);
  const std::string response = response_of_item(id);
  if (!newest_ || newest_->id != response) {
    TRIVET_ASSIGN_OR_RETURN(newest_, state->responses().find(response, tenant_));
  }
  if (newest_) {
    if (auto found = find_stored_item(newest_->object, newest_->input, id)) {
      return *std::move(found);
    }
  }
  return Error(ErrorCode::kNotFound, "there is no item " + std::string(id));
}

Error conversation_is_held(std::string_view id) {
  return Error(ErrorCode::kAlreadyExists, "a response is being added to the conversation " +
                                              std::string(id) + "; wait for its end and try again");
}

}  // namespace trivet
