// SQLite with errors as values.
#ifndef TRIVET_STATE_DATABASE_H_
#define TRIVET_STATE_DATABASE_H_

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace trivet {

// What a committed transaction survives.
enum class Durability {
  kProcess,  // the death of the process
  kMachine,  // the loss of power, too: waits for the disk
};

class Database;

// A prepared statement. Values are bound in the order of the question marks. The first error is
// kept and comes out of next() or run().
class Statement {
 public:
  Statement(Database& database, std::string_view sql);
  ~Statement();
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  Statement& bind(int64_t value);
  Statement& bind(std::string_view text);                      // text or bytes; copied
  Statement& bind_maybe(const std::optional<int64_t>& value);  // absent: null
  Statement& bind_maybe(const std::optional<std::string>& text);

  Result<bool> next();  // true: there is a row
  Result<void> run();   // to the end, rows are dropped

  // Of the row, from 0. A null is 0 or "".
  int64_t integer(int column) const;
  std::string text(int column) const;
  bool is_null(int column) const;

 private:
  Error failure() const;
  Database& database_;
  sqlite3_stmt* statement_ = nullptr;
  int bound_ = 0;
  int status_ = 0;
};

// One connection, used under its lock.
class Database {
 public:
  // Creates the file if there is none (mode 0600). kDataLoss: not a database, or damaged;
  // kUnavailable: it cannot be opened or was made by a newer version.
  static Result<std::unique_ptr<Database>> open(const std::string& path);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  std::mutex& mutex() { return mutex_; }
  Result<void> run(const char* sql);
  int64_t changed_rows() const;  // by the last statement
  Error failure(std::string_view what) const;
  sqlite3* handle() { return handle_; }

 private:
  explicit Database(sqlite3* handle) : handle_(handle) {}
  Result<void> prepare_for_use();
  Result<void> migrate();

  sqlite3* handle_;
  std::mutex mutex_;
};

// Takes the lock and begins; rolls back unless committed.
class Transaction {
 public:
  explicit Transaction(Database& database, Durability durability = Durability::kProcess);
  ~Transaction();
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  Result<void> commit();

 private:
  std::unique_lock<std::mutex> lock_;
  Database& database_;
  Result<void> begun_;
  bool open_ = false;
};

}  // namespace trivet

#endif  // TRIVET_STATE_DATABASE_H_
