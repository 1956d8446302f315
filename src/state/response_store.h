// Stored responses.
#ifndef TRIVET_STATE_RESPONSE_STORE_H_
#define TRIVET_STATE_RESPONSE_STORE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "state/conversation_store.h"
#include "state/database.h"

namespace trivet {

struct StoredResponse {
  std::string id;
  std::string tenant;   // who may see it
  int64_t created = 0;  // Unix seconds
  std::string status;   // "queued", "in_progress", "completed", ...
  bool background = false;
  std::optional<std::string> previous;  // the response that it continues
  std::string request;                  // body, while it runs
  std::string object;                   // JSON, as clients get it
  std::string input;                    // JSON array of input items
  std::string turn;                     // JSON array: the chat messages of this turn
  std::string events;                   // its stream, if it can be read again
};

// What a response adds to the conversation that it belongs to.
struct ConversationGrowth {
  std::string conversation;
  std::vector<ConversationItem> items;
  int64_t now = 0;  // Unix seconds
};

// Thread-safe. Nobody sees what belongs to another tenant: it is as if it were not there.
class ResponseStore {
 public:
  static constexpr int kMaxTurns = 1000;

  explicit ResponseStore(Database& database) : database_(database) {}

  // Replaces one of the same id.
  Result<void> put(const StoredResponse& response);
  // The new state of one that is there, and of its conversation, both or neither. False: the
  // response is gone, and stays so. Nothing grows then; nor if the conversation is gone.
  Result<bool> update(const StoredResponse& response, const ConversationGrowth& growth = {});
  Result<std::optional<StoredResponse>> find(std::string_view id, std::string_view tenant);
  // False: there was none.
  Result<bool> erase(std::string_view id, std::string_view tenant);

  // The turns from the first to `id`, one JSON array of messages each. kNotFound: this or an
  // earlier one is gone; kInvalidArgument: more than kMaxTurns.
  Result<std::vector<std::string>> conversation(std::string_view id, std::string_view tenant);

  // Of all tenants: those that had not ended, oldest first.
  Result<std::vector<StoredResponse>> unfinished();
  // Drops what ended and is older than `before` (Unix seconds), then the oldest until all of them
  // together have at most `max_bytes`.
  Result<void> prune(int64_t before, int64_t max_bytes);

 private:
  Result<int64_t> total_bytes();
  Database& database_;
};

}  // namespace trivet

#endif  // TRIVET_STATE_RESPONSE_STORE_H_
