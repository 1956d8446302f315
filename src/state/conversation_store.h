// Conversations: lists of items that responses go on from and add to.
#ifndef TRIVET_STATE_CONVERSATION_STORE_H_
#define TRIVET_STATE_CONVERSATION_STORE_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "state/database.h"

namespace trivet {

struct ConversationRecord {
  std::string id;
  std::string tenant;           // who may see it
  int64_t created = 0;          // Unix seconds
  std::string metadata = "{}";  // JSON object
};

struct ConversationItem {
  std::string id, json;
};

// Thread-safe. Nobody sees what belongs to another tenant: it is as if it were not there.
class ConversationStore {
 public:
  static constexpr int64_t kMaxItems = 10000;  // of a conversation

  explicit ConversationStore(Database& database) : database_(database) {}

  // A new one with its first items.
  Result<void> put(const ConversationRecord& conversation, std::span<const ConversationItem> items);
  Result<std::optional<ConversationRecord>> find(std::string_view id, std::string_view tenant);
  // False: there is none.
  Result<bool> set_metadata(std::string_view id, std::string_view tenant,
                            std::string_view metadata);
  // With its items. False: there was none.
  Result<bool> erase(std::string_view id, std::string_view tenant);

  // JSON of the items, from the first. kNotFound.
  Result<std::vector<std::string>> items(std::string_view id, std::string_view tenant);
  // The newest item of that id, in that conversation, or in any if it is empty.
  Result<std::optional<std::string>> find_item(std::string_view conversation, std::string_view item,
                                               std::string_view tenant);
  // At the end, at `now` (Unix seconds). kNotFound; kInvalidArgument: there would be too many.
  Result<void> add(std::string_view id, std::string_view tenant,
                   std::span<const ConversationItem> items, int64_t now);
  // False: there was none.
  Result<bool> erase_item(std::string_view conversation, std::string_view item,
                          std::string_view tenant);

  // Drops those not added to since `before` (Unix seconds), then the longest unused until all
  // together have at most `max_bytes`.
  Result<void> prune(int64_t before, int64_t max_bytes);

 private:
  Result<bool> owns(std::string_view id, std::string_view tenant);
  Database& database_;
};

// For a transaction that is open already. False: there is no such conversation.
Result<bool> append_items(Database& database, std::string_view conversation,
                          std::string_view tenant, std::span<const ConversationItem> items,
                          int64_t now);

}  // namespace trivet

#endif  // TRIVET_STATE_CONVERSATION_STORE_H_
