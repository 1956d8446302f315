// What a client's earlier requests left in the state folder.
#ifndef TRIVET_SERVER_SERVICES_STORED_HISTORY_H_
#define TRIVET_SERVER_SERVICES_STORED_HISTORY_H_

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/responses/response_history.h"
#include "server/services/held_names.h"
#include "state/response_store.h"

namespace trivet {

class Services;

// For one request. A conversation that it has given out is held until hold() is dropped.
class StoredHistory final : public ResponseHistory {
 public:
  StoredHistory(Services& services, HeldNames& conversations, std::string tenant)
      : services_(services), conversations_(conversations), tenant_(std::move(tenant)) {}

  Result<std::vector<std::string>> turns(std::string_view response) override;
  Result<std::vector<std::string>> conversation(std::string_view id) override;
  Result<std::string> item(std::string_view id) override;

  std::shared_ptr<HeldNames::Hold> hold() const { return hold_; }  // null = no conversation

 private:
  Services& services_;
  HeldNames& conversations_;
  const std::string tenant_;
  std::shared_ptr<HeldNames::Hold> hold_;
  std::optional<StoredResponse> newest_;  // of which an item was asked for
};

// kAlreadyExists.
Error conversation_is_held(std::string_view id);

}  // namespace trivet

#endif  // TRIVET_SERVER_SERVICES_STORED_HISTORY_H_
