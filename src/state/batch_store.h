// Batch jobs and the answers of their lines.
#ifndef TRIVET_STATE_BATCH_STORE_H_
#define TRIVET_STATE_BATCH_STORE_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "state/file_store.h"

namespace trivet {

struct BatchTimes {  // Unix seconds
  std::optional<int64_t> in_progress, finalizing, completed, failed, expired, cancelling, cancelled;
};

struct BatchRecord {
  std::string id;
  std::string tenant;
  std::string endpoint;  // "/v1/chat/completions", ...
  std::string input_file;
  std::string completion_window;  // as the client gave it
  std::string metadata = "null";  // JSON
  std::string status;             // "validating", "in_progress", "finalizing", "completed", ...
  int64_t created = 0;            // Unix seconds
  int64_t expires = 0;
  BatchTimes times;
  int64_t total = 0;                  // lines; 0 until validated
  int64_t completed = 0, failed = 0;  // counted from the lines
  std::optional<std::string> output_file, error_file;
  std::string errors = "null";  // JSON
};

// Thread-safe. Nobody sees what belongs to another tenant.
class BatchStore {
 public:
  BatchStore(Database& database, FileStore& files) : database_(database), files_(files) {}

  // A new one, or the new state of one (without its counts). Durability::kMachine.
  Result<void> put(const BatchRecord& batch);
  Result<std::optional<BatchRecord>> find(std::string_view id, std::string_view tenant);
  // Newest first, those after the id `after` (empty = all).
  Result<std::vector<BatchRecord>> list(std::string_view tenant, std::string_view after, int limit);
  // Of all tenants: those that had not ended, oldest first.
  Result<std::vector<BatchRecord>> unfinished();

  // The answer of a line. False: the line has one already, which stays.
  Result<bool> add_line(std::string_view batch, int64_t line, bool ok, std::string_view answer);
  // Numbers of the lines that have an answer, ascending.
  Result<std::vector<int64_t>> answered_lines(std::string_view batch);
  // The answers of one kind in the order of the lines, each as add_line got it.
  Result<void> for_each_answer(std::string_view batch, bool ok,
                               const std::function<Result<void>(const std::string&)>& take);
  // The end: the files (published before), the new state, and the lines gone, all at once.
  Result<void> finish(const BatchRecord& batch, const std::vector<FileRecord>& files);
  // Forgets those that ended and are older (Unix seconds).
  Result<void> prune(int64_t before);

 private:
  Result<void> put_within(const BatchRecord& batch);
  Result<void> count_lines(BatchRecord& batch);
  Result<std::vector<BatchRecord>> read_all(Statement& statement);
  Database& database_;
  FileStore& files_;
};

}  // namespace trivet

#endif  // TRIVET_STATE_BATCH_STORE_H_
