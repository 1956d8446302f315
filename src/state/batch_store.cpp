#include "state/batch_store.h"

#include <array>
#include <cstdio>

namespace trivet {
namespace {

constexpr const char* kSelectBatches =
    "SELECT id, tenant, endpoint, input_file, completion_window, metadata, status, created, "
    "expires, "
    "times, total, output_file, error_file, errors FROM batches ";

// The times in one column: seven numbers, -1 = not yet; then the counts, which stay when the lines
// go.
constexpr size_t kTimes = 7;

std::array<std::optional<int64_t>*, kTimes> fields_of(BatchTimes& times) {
  return {&times.in_progress, &times.finalizing, &times.completed, &times.failed,
          &times.expired,     &times.cancelling, &times.cancelled};
}

std::string encode_times(BatchRecord batch) {
  std::string text;
  for (const auto* field : fields_of(batch.times)) {
    text += std::to_string(field->value_or(-1)) + " ";
  }
  return text + std::to_string(batch.completed) + " " + std::to_string(batch.failed);
}

void decode_times(const std::string& text, BatchRecord& batch) {
  const char* at = text.c_str();
  char* end = nullptr;
  for (auto* field : fields_of(batch.times)) {
    const int64_t value = std::strtoll(at, &end, 10);
    if (end != at && value >= 0) *field = value;
    at = end;
  }
  batch.completed = std::strtoll(at, &end, 10);
  batch.failed = std::strtoll(end, &end, 10);
}

BatchRecord read_batch(const Statement& row) {
  BatchRecord batch;
  batch.id = row.text(0);
  batch.tenant = row.text(1);
  batch.endpoint = row.text(2);
  batch.input_file = row.text(3);
  batch.completion_window = row.text(4);
  batch.metadata = row.text(5);
  batch.status = row.text(6);
  batch.created = row.integer(7);
  batch.expires = row.integer(8);
  decode_times(row.text(9), batch);
  batch.total = row.integer(10);
  if (!row.is_null(11)) batch.output_file = row.text(11);
  if (!row.is_null(12)) batch.error_file = row.text(12);
  batch.errors = row.text(13);
  return batch;
}

}  // namespace

Result<void> BatchStore::put_within(const BatchRecord& batch) {
  Statement statement(database_,
                      "INSERT OR REPLACE INTO batches VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?)");
  statement.bind(batch.id).bind(batch.tenant).bind(batch.endpoint).bind(batch.input_file);
  statement.bind(batch.completion_window).bind(batch.metadata).bind(batch.status);
  statement.bind(batch.created).bind(batch.expires).bind(encode_times(batch)).bind(batch.total);
  statement.bind_maybe(batch.output_file).bind_maybe(batch.error_file).bind(batch.errors);
  return statement.run();
}

Result<void> BatchStore::put(const BatchRecord& batch) {
  Transaction transaction(database_, Durability::kMachine);
  TRIVET_RETURN_IF_ERROR(put_within(batch));
  return transaction.commit();
}

// Once a batch has ended its lines are gone and the stored counts hold.
Result<void> BatchStore::count_lines(BatchRecord& batch) {
  Statement statement(database_,
                      "SELECT COUNT(*), COALESCE(SUM(ok),0) FROM batch_lines WHERE batch=?");
  TRIVET_RETURN_IF_ERROR(statement.bind(batch.id).next());
  const int64_t lines = statement.integer(0);
  if (lines == 0) return {};
  batch.completed = statement.integer(1);
  batch.failed = lines - batch.completed;
  return {};
}

Result<std::vector<BatchRecord>> BatchStore::read_all(Statement& statement) {
  std::vector<BatchRecord> batches;
  for (;;) {
    TRIVET_ASSIGN_OR_RETURN(const bool row, statement.next());
    if (!row) return batches;
    batches.push_back(read_batch(statement));
    TRIVET_RETURN_IF_ERROR(count_lines(batches.back()));
  }
}

Result<std::optional<BatchRecord>> BatchStore::find(std::string_view id, std::string_view tenant) {
  const std::lock_guard lock(database_.mutex());
  Statement statement(database_, std::string(kSelectBatches) + "WHERE id=? AND tenant=?");
  TRIVET_ASSIGN_OR_RETURN(auto batches, read_all(statement.bind(id).bind(tenant)));
  if (batches.empty()) return std::optional<BatchRecord>();
  return std::optional(std::move(batches.front()));
}

Result<std::vector<BatchRecord>> BatchStore::list(std::string_view tenant, std::string_view after,
                                                  int limit) {
  const std::lock_guard lock(database_.mutex());
  Statement statement(database_,
                      std::string(kSelectBatches) +
                          "WHERE tenant=?1 AND (?2='' OR (created, id)<(SELECT created, id "
                          "FROM batches WHERE id=?2 AND tenant=?1)) "
                          "ORDER BY created DESC, id DESC LIMIT ?3");
  return read_all(statement.bind(tenant).bind(after).bind(int64_t{limit}));
}

Result<std::vector<BatchRecord>> BatchStore::unfinished() {
  const std::lock_guard lock(database_.mutex());
  Statement statement(database_, std::string(kSelectBatches) +
                                     "WHERE status IN('validating','in_progress','finalizing',"
                                     "'cancelling') ORDER BY created, id");
  return read_all(statement);
}

Result<bool> BatchStore::add_line(std::string_view batch, int64_t line, bool ok,
                                  std::string_view answer) {
  Transaction transaction(database_);
  Statement statement(database_, "INSERT OR IGNORE INTO batch_lines VALUES(?,?,?,?)");
  TRIVET_RETURN_IF_ERROR(statement.bind(batch).bind(line).bind(int64_t{ok}).bind(answer).run());
  const bool added = database_.changed_rows() > 0;
  TRIVET_RETURN_IF_ERROR(transaction.commit());
  return added;
}

Result<std::vector<int64_t>> BatchStore::answered_lines(std::string_view batch) {
  const std::lock_guard lock(database_.mutex());
  Statement statement(database_, "SELECT line FROM batch_lines WHERE batch=? ORDER BY line");
  statement.bind(batch);
  std::vector<int64_t> lines;
  for (;;) {
    TRIVET_ASSIGN_OR_RETURN(const bool row, statement.next());
    if (!row) return lines;
    lines.push_back(statement.integer(0));
  }
}

Result<void> BatchStore::for_each_answer(
    std::string_view batch, bool ok, const std::function<Result<void>(const std::string&)>& take) {
  // A page at a time, so that others get the lock in between.
  constexpr int64_t kPage = 64;
  int64_t after = -1;
  for (;;) {
    std::vector<std::string> page;
    {
      const std::lock_guard lock(database_.mutex());
      Statement statement(database_,
                          "SELECT line, answer FROM batch_lines WHERE batch=? AND ok=? AND line>? "
                          "ORDER BY line LIMIT ?");
      statement.bind(batch).bind(int64_t{ok}).bind(after).bind(kPage);
      for (;;) {
        TRIVET_ASSIGN_OR_RETURN(const bool row, statement.next());
        if (!row) break;
        after = statement.integer(0);
        page.push_back(statement.text(1));
      }
    }
    if (page.empty()) return {};
    for (const std::string& answer : page) TRIVET_RETURN_IF_ERROR(take(answer));
  }
}

Result<void> BatchStore::prune(int64_t before) {
  Transaction transaction(database_);
  Statement statement(database_,
                      "DELETE FROM batches WHERE created<? AND status IN('completed','failed',"
                      "'expired','cancelled')");
  TRIVET_RETURN_IF_ERROR(statement.bind(before).run());
  return transaction.commit();
}

Result<void> BatchStore::finish(const BatchRecord& batch, const std::vector<FileRecord>& files) {
  Transaction transaction(database_, Durability::kMachine);
  for (const FileRecord& file : files) TRIVET_RETURN_IF_ERROR(files_.insert_within(file));
  TRIVET_RETURN_IF_ERROR(put_within(batch));
  Statement statement(database_, "DELETE FROM batch_lines WHERE batch=?");
  TRIVET_RETURN_IF_ERROR(statement.bind(batch.id).run());
  return transaction.commit();
}

}  // namespace trivet
