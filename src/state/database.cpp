#include "state/database.h"

#include <sqlite3.h>
#include <sys/stat.h>

namespace trivet {
namespace {

constexpr int kBusyTimeoutMs = 5000;

// One entry per version. A later version appends its changes.
constexpr const char* kSchema[] = {
    "CREATE TABLE responses(id TEXT PRIMARY KEY, tenant TEXT NOT NULL, created INTEGER NOT NULL,"
    " status TEXT NOT NULL, background INTEGER NOT NULL, previous TEXT, request BLOB NOT NULL,"
    " object BLOB NOT NULL, input BLOB NOT NULL, turn BLOB NOT NULL, events BLOB NOT NULL);"
    "CREATE INDEX responses_by_age ON responses(created);"
    "CREATE INDEX responses_unfinished ON responses(status) WHERE status "
    "IN('queued','in_progress');"
    "CREATE TABLE files(id TEXT PRIMARY KEY, tenant TEXT NOT NULL, filename TEXT NOT NULL,"
    " purpose TEXT NOT NULL, bytes INTEGER NOT NULL, created INTEGER NOT NULL, expires INTEGER);"
    "CREATE INDEX files_by_tenant ON files(tenant, created);"
    "CREATE TABLE batches(id TEXT PRIMARY KEY, tenant TEXT NOT NULL, endpoint TEXT NOT NULL,"
    " input_file TEXT NOT NULL, completion_window TEXT NOT NULL, metadata TEXT NOT NULL,"
    " status TEXT NOT NULL, created INTEGER NOT NULL, expires INTEGER NOT NULL, times TEXT NOT "
    "NULL,"
    " total INTEGER NOT NULL, output_file TEXT, error_file TEXT, errors TEXT NOT NULL);"
    "CREATE INDEX batches_by_tenant ON batches(tenant, created);"
    "CREATE TABLE batch_lines(batch TEXT NOT NULL, line INTEGER NOT NULL, ok INTEGER NOT NULL,"
    " answer BLOB NOT NULL, PRIMARY KEY(batch, line));",
    "CREATE TABLE conversations(id TEXT PRIMARY KEY, tenant TEXT NOT NULL, created INTEGER NOT "
    "NULL, used INTEGER NOT NULL, metadata TEXT NOT NULL);"
    "CREATE INDEX conversations_by_use ON conversations(used);"
    "CREATE TABLE conversation_items(conversation TEXT NOT NULL, position INTEGER NOT NULL,"
    " id TEXT NOT NULL, item BLOB NOT NULL, PRIMARY KEY(conversation, position));"
    "CREATE INDEX conversation_items_by_id ON conversation_items(id);",
};
constexpr int kSchemaVersion = static_cast<int>(std::size(kSchema));

}  // namespace

Statement::Statement(Database& database, std::string_view sql) : database_(database) {
  status_ = sqlite3_prepare_v2(database.handle(), sql.data(), static_cast<int>(sql.size()),
                               &statement_, nullptr);
}

Statement::~Statement() { sqlite3_finalize(statement_); }

Statement& Statement::bind(int64_t value) {
  if (status_ == SQLITE_OK) status_ = sqlite3_bind_int64(statement_, ++bound_, value);
  return *this;
}

Statement& Statement::bind(std::string_view text) {
  if (status_ == SQLITE_OK) {
    status_ = sqlite3_bind_text64(statement_, ++bound_, text.data() == nullptr ? "" : text.data(),
                                  text.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
  }
  return *this;
}

Statement& Statement::bind_maybe(const std::optional<int64_t>& value) {
  if (value) return bind(*value);
  if (status_ == SQLITE_OK) status_ = sqlite3_bind_null(statement_, ++bound_);
  return *this;
}

Statement& Statement::bind_maybe(const std::optional<std::string>& text) {
  if (text) return bind(std::string_view(*text));
  if (status_ == SQLITE_OK) status_ = sqlite3_bind_null(statement_, ++bound_);
  return *this;
}

Error Statement::failure() const { return database_.failure("the state database failed"); }

Result<bool> Statement::next() {
  if (status_ != SQLITE_OK) return failure();
  const int step = sqlite3_step(statement_);
  if (step == SQLITE_ROW) return true;
  if (step == SQLITE_DONE) return false;
  return failure();
}

Result<void> Statement::run() {
  for (;;) {
    TRIVET_ASSIGN_OR_RETURN(const bool row, next());
    if (!row) return {};
  }
}

int64_t Statement::integer(int column) const { return sqlite3_column_int64(statement_, column); }

std::string Statement::text(int column) const {
  const void* data = sqlite3_column_blob(statement_, column);
  const int size = sqlite3_column_bytes(statement_, column);
  return data == nullptr ? std::string()
                         : std::string(static_cast<const char*>(data), static_cast<size_t>(size));
}

bool Statement::is_null(int column) const {
  return sqlite3_column_type(statement_, column) == SQLITE_NULL;
}

Result<std::unique_ptr<Database>> Database::open(const std::string& path) {
  sqlite3* handle = nullptr;
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
  const int status = sqlite3_open_v2(path.c_str(), &handle, flags, nullptr);
  std::unique_ptr<Database> database(new Database(handle));
  if (status != SQLITE_OK) {
    return Error(ErrorCode::kUnavailable, "cannot open " + path + " (" + sqlite3_errstr(status) +
                                              "); check the state folder");
  }
  chmod(path.c_str(), S_IRUSR | S_IWUSR);  // prompts and answers are nobody else's business
  sqlite3_busy_timeout(handle, kBusyTimeoutMs);
  const auto prepared = database->prepare_for_use();
  if (!prepared) return prepared.error().with_context(path);
  return database;
}

Database::~Database() { sqlite3_close(handle_); }

Result<void> Database::prepare_for_use() {
  TRIVET_RETURN_IF_ERROR(run("PRAGMA journal_mode=WAL"));
  TRIVET_RETURN_IF_ERROR(run("PRAGMA trusted_schema=OFF"));
  TRIVET_RETURN_IF_ERROR(run("PRAGMA journal_size_limit=67108864"));
  return migrate();
}

Result<void> Database::migrate() {
  int64_t version = 0;
  {
    Statement statement(*this, "PRAGMA user_version");
    TRIVET_ASSIGN_OR_RETURN(const bool row, statement.next());
    if (row) version = statement.integer(0);
  }
  if (version > kSchemaVersion) {
    return Error(ErrorCode::kUnavailable,
                 "the schema has version " + std::to_string(version) + ", this program knows " +
                     std::to_string(kSchemaVersion) + "; use a newer one or another --state-dir");
  }
  if (version == kSchemaVersion) return {};
  Transaction transaction(*this, Durability::kMachine);
  for (int64_t i = version; i < kSchemaVersion; ++i) TRIVET_RETURN_IF_ERROR(run(kSchema[i]));
  TRIVET_RETURN_IF_ERROR(run(("PRAGMA user_version=" + std::to_string(kSchemaVersion)).c_str()));
  return transaction.commit();
}

Result<void> Database::run(const char* sql) {
  if (sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr) == SQLITE_OK) return {};
  return failure("the state database failed");
}

int64_t Database::changed_rows() const { return sqlite3_changes64(handle_); }

Error Database::failure(std::string_view what) const {
  const int code = sqlite3_errcode(handle_);
  const ErrorCode kind = code == SQLITE_FULL ? ErrorCode::kResourceExhausted
                         : code == SQLITE_CORRUPT || code == SQLITE_NOTADB
                             ? ErrorCode::kDataLoss
                             : ErrorCode::kUnavailable;
  return Error(kind, std::string(what) + " (" + sqlite3_errmsg(handle_) + ")");
}

Transaction::Transaction(Database& database, Durability durability)
    : lock_(database.mutex()), database_(database) {
  // FULL waits for the disk at each commit, NORMAL only when the journal is folded into the
  // database.
  begun_ = database.run(durability == Durability::kMachine ? "PRAGMA synchronous=FULL"
                                                           : "PRAGMA synchronous=NORMAL");
  if (begun_) begun_ = database.run("BEGIN IMMEDIATE");
  open_ = begun_.ok();
}

Transaction::~Transaction() {
  if (open_) (void)database_.run("ROLLBACK");
}

Result<void> Transaction::commit() {
  if (!begun_) return begun_;
  TRIVET_RETURN_IF_ERROR(database_.run("COMMIT"));
  open_ = false;
  return {};
}

}  // namespace trivet
