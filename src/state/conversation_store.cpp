#include "state/conversation_store.h"

namespace trivet {
namespace {

Error no_conversation(std::string_view id) {
  return Error(ErrorCode::kNotFound, "there is no conversation " + std::string(id));
}

Result<void> insert_items(Database& database, std::string_view conversation,
                          std::span<const ConversationItem> items) {
  int64_t position = 0;
  {
    Statement last(
        database,
        "SELECT COALESCE(MAX(position)+1,0) FROM conversation_items WHERE conversation=?");
    TRIVET_ASSIGN_OR_RETURN(const bool row, last.bind(conversation).next());
    if (row) position = last.integer(0);
  }
  for (const ConversationItem& item : items) {
    Statement statement(
        database,
        "INSERT INTO conversation_items(conversation, position, id, item) VALUES(?,?,?,?)");
    statement.bind(conversation).bind(position++).bind(item.id).bind(item.json);
    TRIVET_RETURN_IF_ERROR(statement.run());
  }
  return {};
}

Result<bool> run_and_count(Database& database, Statement& statement) {
  TRIVET_RETURN_IF_ERROR(statement.run());
  return database.changed_rows() > 0;
}

}  // namespace

Result<bool> append_items(Database& database, std::string_view conversation,
                          std::string_view tenant, std::span<const ConversationItem> items,
                          int64_t now) {
  Statement statement(database, "UPDATE conversations SET used=? WHERE id=? AND tenant=?");
  statement.bind(now).bind(conversation).bind(tenant);
  TRIVET_ASSIGN_OR_RETURN(const bool found, run_and_count(database, statement));
  if (found) TRIVET_RETURN_IF_ERROR(insert_items(database, conversation, items));
  return found;
}

Result<void> ConversationStore::put(const ConversationRecord& conversation,
                                    std::span<const ConversationItem> items) {
  Transaction transaction(database_);
  Statement statement(
      database_,
      "INSERT INTO conversations(id, tenant, created, used, metadata) VALUES(?,?,?,?,?)");
  statement.bind(conversation.id).bind(conversation.tenant).bind(conversation.created);
  statement.bind(conversation.created).bind(conversation.metadata);
  TRIVET_RETURN_IF_ERROR(statement.run());
  TRIVET_RETURN_IF_ERROR(insert_items(database_, conversation.id, items));
  return transaction.commit();
}

Result<std::optional<ConversationRecord>> ConversationStore::find(std::string_view id,
                                                                  std::string_view tenant) {
  const std::lock_guard lock(database_.mutex());
  Statement row(database_, "SELECT created, metadata FROM conversations WHERE id=? AND tenant=?");
  TRIVET_ASSIGN_OR_RETURN(const bool found, row.bind(id).bind(tenant).next());
  if (!found) return std::optional<ConversationRecord>();
  return std::optional(
      ConversationRecord{std::string(id), std::string(tenant), row.integer(0), row.text(1)});
}

Result<bool> ConversationStore::set_metadata(std::string_view id, std::string_view tenant,
                                             std::string_view metadata) {
  Transaction transaction(database_);
  Statement statement(database_, "UPDATE conversations SET metadata=? WHERE id=? AND tenant=?");
  statement.bind(metadata).bind(id).bind(tenant);
  TRIVET_ASSIGN_OR_RETURN(const bool found, run_and_count(database_, statement));
  TRIVET_RETURN_IF_ERROR(transaction.commit());
  return found;
}

Result<bool> ConversationStore::erase(std::string_view id, std::string_view tenant) {
  Transaction transaction(database_);
  Statement statement(database_, "DELETE FROM conversations WHERE id=? AND tenant=?");
  TRIVET_ASSIGN_OR_RETURN(const bool found,
                          run_and_count(database_, statement.bind(id).bind(tenant)));
  if (found) {
    Statement items(database_, "DELETE FROM conversation_items WHERE conversation=?");
    TRIVET_RETURN_IF_ERROR(items.bind(id).run());
  }
  TRIVET_RETURN_IF_ERROR(transaction.commit());
  return found;
}

// Under the lock.
Result<bool> ConversationStore::owns(std::string_view id, std::string_view tenant) {
  Statement statement(database_, "SELECT 1 FROM conversations WHERE id=? AND tenant=?");
  return statement.bind(id).bind(tenant).next();
}

Result<std::vector<std::string>> ConversationStore::items(std::string_view id,
                                                          std::string_view tenant) {
  const std::lock_guard lock(database_.mutex());
  TRIVET_ASSIGN_OR_RETURN(const bool found, owns(id, tenant));
  if (!found) return no_conversation(id);
  Statement row(database_,
                "SELECT item FROM conversation_items WHERE conversation=? ORDER BY position");
  row.bind(id);
  std::vector<std::string> items;
  for (;;) {
    TRIVET_ASSIGN_OR_RETURN(const bool more, row.next());
    if (!more) return items;
    items.push_back(row.text(0));
  }
}

Result<std::optional<std::string>> ConversationStore::find_item(std::string_view conversation,
                                                                std::string_view item,
                                                                std::string_view tenant) {
  const std::lock_guard lock(database_.mutex());
  Statement row(database_,
                "SELECT i.item FROM conversation_items i JOIN conversations c ON "
                "c.id=i.conversation WHERE i.id=?1 AND c.tenant=?2 AND (?3='' OR c.id=?3) ORDER "
                "BY c.used DESC, i.position DESC LIMIT 1");
  TRIVET_ASSIGN_OR_RETURN(const bool found, row.bind(item).bind(tenant).bind(conversation).next());
  return found ? std::optional(row.text(0)) : std::nullopt;
}

Result<void> ConversationStore::add(std::string_view id, std::string_view tenant,
                                    std::span<const ConversationItem> items, int64_t now) {
  Transaction transaction(database_);
  TRIVET_ASSIGN_OR_RETURN(const bool found, append_items(database_, id, tenant, items, now));
  if (!found) return no_conversation(id);
  {
    Statement count(database_, "SELECT COUNT(*) FROM conversation_items WHERE conversation=?");
    TRIVET_ASSIGN_OR_RETURN(const bool row, count.bind(id).next());
    if (row && count.integer(0) > kMaxItems) {
      return Error(ErrorCode::kInvalidArgument,
                   "the conversation " + std::string(id) + " would have more than " +
                       std::to_string(kMaxItems) + " items; begin a new one");
    }
  }
  return transaction.commit();
}

Result<bool> ConversationStore::erase_item(std::string_view conversation, std::string_view item,
                                           std::string_view tenant) {
  Transaction transaction(database_);
  TRIVET_ASSIGN_OR_RETURN(bool found, owns(conversation, tenant));
  if (found) {
    Statement statement(database_, "DELETE FROM conversation_items WHERE conversation=? AND id=?");
    TRIVET_ASSIGN_OR_RETURN(found,
                            run_and_count(database_, statement.bind(conversation).bind(item)));
  }
  TRIVET_RETURN_IF_ERROR(transaction.commit());
  return found;
}

Result<void> ConversationStore::prune(int64_t before, int64_t max_bytes) {
  constexpr std::string_view kOrphans =
      "DELETE FROM conversation_items WHERE conversation NOT IN (SELECT id FROM conversations)";
  Transaction transaction(database_);
  Statement aged(database_, "DELETE FROM conversations WHERE used<?");
  TRIVET_RETURN_IF_ERROR(aged.bind(before).run());
  for (;;) {
    Statement orphans(database_, kOrphans);
    TRIVET_RETURN_IF_ERROR(orphans.run());
    Statement total(database_,
                    "SELECT COALESCE(SUM(LENGTH(item)+LENGTH(id)),0) FROM conversation_items");
    TRIVET_ASSIGN_OR_RETURN(const bool row, total.next());
    if (!row || total.integer(0) <= max_bytes) break;
    Statement unused(database_,
                     "DELETE FROM conversations WHERE id IN (SELECT id FROM conversations ORDER BY "
                     "used, id LIMIT 16)");
    TRIVET_ASSIGN_OR_RETURN(const bool dropped, run_and_count(database_, unused));
    if (!dropped) break;
  }
  return transaction.commit();
}

}  // namespace trivet
