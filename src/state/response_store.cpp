#include "state/response_store.h"

namespace trivet {
namespace {

constexpr std::string_view kColumns =
    "id, tenant, created, status, background, previous, request, object, input, turn, events";

StoredResponse read_response(const Statement& row) {
  StoredResponse response;
  response.id = row.text(0);
  response.tenant = row.text(1);
  response.created = row.integer(2);
  response.status = row.text(3);
  response.background = row.integer(4) != 0;
  if (!row.is_null(5)) response.previous = row.text(5);
  response.request = row.text(6);
  response.object = row.text(7);
  response.input = row.text(8);
  response.turn = row.text(9);
  response.events = row.text(10);
  return response;
}

std::string select(std::string_view condition) {
  return "SELECT " + std::string(kColumns) + " FROM responses WHERE " + std::string(condition);
}

}  // namespace

Result<void> ResponseStore::put(const StoredResponse& response) {
  Transaction transaction(database_);
  Statement statement(database_, "INSERT OR REPLACE INTO responses(" + std::string(kColumns) +
                                     ") VALUES(?,?,?,?,?,?,?,?,?,?,?)");
  statement.bind(response.id).bind(response.tenant).bind(response.created).bind(response.status);
  statement.bind(int64_t{response.background}).bind_maybe(response.previous).bind(response.request);
  statement.bind(response.object).bind(response.input).bind(response.turn).bind(response.events);
  TRIVET_RETURN_IF_ERROR(statement.run());
  return transaction.commit();
}

Result<bool> ResponseStore::update(const StoredResponse& response,
                                   const ConversationGrowth& growth) {
  Transaction transaction(database_);
  Statement statement(database_,
                      "UPDATE responses SET status=?, request=?, object=?, turn=?, events=? WHERE "
                      "id=? AND tenant=?");
  statement.bind(response.status).bind(response.request).bind(response.object);
  statement.bind(response.turn).bind(response.events).bind(response.id).bind(response.tenant);
  TRIVET_RETURN_IF_ERROR(statement.run());
  const bool updated = database_.changed_rows() > 0;
  if (updated && !growth.conversation.empty()) {
    TRIVET_RETURN_IF_ERROR(
        append_items(database_, growth.conversation, response.tenant, growth.items, growth.now));
  }
  TRIVET_RETURN_IF_ERROR(transaction.commit());
  return updated;
}

Result<std::optional<StoredResponse>> ResponseStore::find(std::string_view id,
                                                          std::string_view tenant) {
  const std::lock_guard lock(database_.mutex());
  Statement statement(database_, select("id=? AND tenant=?"));
  TRIVET_ASSIGN_OR_RETURN(const bool found, statement.bind(id).bind(tenant).next());
  return found ? std::optional(read_response(statement)) : std::nullopt;
}

Result<bool> ResponseStore::erase(std::string_view id, std::string_view tenant) {
  Transaction transaction(database_);
  Statement statement(database_, "DELETE FROM responses WHERE id=? AND tenant=?");
  TRIVET_RETURN_IF_ERROR(statement.bind(id).bind(tenant).run());
  const bool erased = database_.changed_rows() > 0;
  TRIVET_RETURN_IF_ERROR(transaction.commit());
  return erased;
}

Result<std::vector<std::string>> ResponseStore::conversation(std::string_view id,
                                                             std::string_view tenant) {
  const std::lock_guard lock(database_.mutex());
  Statement statement(
      database_,
      "WITH RECURSIVE chain(previous, turn, depth) AS ("
      "SELECT previous, turn, 0 FROM responses WHERE id=?1 AND tenant=?2 UNION ALL "
      "SELECT r.previous, r.turn, c.depth+1 FROM responses r JOIN chain c ON r.id=c.previous "
      "WHERE r.tenant=?2 AND c.depth<?3) SELECT previous, turn FROM chain ORDER BY depth DESC");
  statement.bind(id).bind(tenant).bind(int64_t{kMaxTurns});
  std::vector<std::string> turns;
  for (;;) {
    TRIVET_ASSIGN_OR_RETURN(const bool row, statement.next());
    if (!row) break;
    if (turns.empty() && !statement.is_null(0)) {
      return Error(ErrorCode::kNotFound, "the response " + statement.text(0) +
                                             ", which the conversation of " + std::string(id) +
                                             " began with, is gone");
    }
    turns.push_back(statement.text(1));
  }
  if (turns.empty()) {
    return Error(ErrorCode::kNotFound, "there is no response " + std::string(id));
  }
  if (turns.size() > kMaxTurns) {
    return Error(ErrorCode::kInvalidArgument, "the conversation of " + std::string(id) +
                                                  " has more than " + std::to_string(kMaxTurns) +
                                                  " turns; begin a new one");
  }
  return turns;
}

Result<std::vector<StoredResponse>> ResponseStore::unfinished() {
  const std::lock_guard lock(database_.mutex());
  Statement statement(database_, select("status IN('queued','in_progress') ORDER BY created, id"));
  std::vector<StoredResponse> responses;
  for (;;) {
    TRIVET_ASSIGN_OR_RETURN(const bool row, statement.next());
    if (!row) return responses;
    responses.push_back(read_response(statement));
  }
}

Result<int64_t> ResponseStore::total_bytes() {
  Statement statement(
      database_,
      "SELECT COALESCE(SUM(LENGTH(request)+LENGTH(object)+LENGTH(input)+LENGTH(turn)+"
      "LENGTH(events)),0) FROM responses");
  TRIVET_ASSIGN_OR_RETURN(const bool row, statement.next());
  return row ? statement.integer(0) : 0;
}

Result<void> ResponseStore::prune(int64_t before, int64_t max_bytes) {
  constexpr std::string_view kEnded = "status NOT IN('queued','in_progress')";
  Transaction transaction(database_);
  Statement aged(database_, "DELETE FROM responses WHERE created<? AND " + std::string(kEnded));
  TRIVET_RETURN_IF_ERROR(aged.bind(before).run());
  for (;;) {
    TRIVET_ASSIGN_OR_RETURN(const int64_t bytes, total_bytes());
    if (bytes <= max_bytes) break;
    Statement oldest(database_,
                     "DELETE FROM responses WHERE id IN (SELECT id FROM responses WHERE " +
                         std::string(kEnded) + " ORDER BY created, id LIMIT 64)");
    TRIVET_RETURN_IF_ERROR(oldest.run());
    if (database_.changed_rows() == 0) break;
  }
  return transaction.commit();
}

}  // namespace trivet
