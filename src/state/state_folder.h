// The folder in which a server keeps what outlives it.
#ifndef TRIVET_STATE_STATE_FOLDER_H_
#define TRIVET_STATE_STATE_FOLDER_H_

#include <memory>
#include <string>

#include "state/batch_store.h"
#include "state/conversation_store.h"
#include "state/database.h"
#include "state/file_store.h"
#include "state/response_store.h"

namespace trivet {

struct StateLimits {
  int64_t max_files_bytes = int64_t{16} << 30;  // all together
  int64_t max_responses_bytes = int64_t{1} << 30;
  int64_t max_conversations_bytes = int64_t{1} << 30;
  // Of responses and ended batches, and of conversations since their last use.
  int64_t max_age_seconds = int64_t{30} * 24 * 3600;
};

// Thread-safe.
class StateFolder {
 public:
  // Creates what is missing (mode 0700), removes what a crash left. kUnavailable: another process
  // uses it.
  static Result<std::unique_ptr<StateFolder>> open(const std::string& path,
                                                   const StateLimits& limits = {});
  // Whether a server has kept something there.
  static bool exists(const std::string& path);
  // $XDG_STATE_HOME/trivet, else ~/.local/state/trivet, else "" (no home).
  static std::string default_path();

  ~StateFolder();
  StateFolder(const StateFolder&) = delete;
  StateFolder& operator=(const StateFolder&) = delete;

  ResponseStore& responses() { return responses_; }
  ConversationStore& conversations() { return conversations_; }
  FileStore& files() { return files_; }
  BatchStore& batches() { return batches_; }
  // Drops what is too old or too much. Now and then.
  Result<void> tidy(int64_t unix_seconds);

 private:
  StateFolder(const std::string& path, const StateLimits& limits, int lock,
              std::unique_ptr<Database> database);

  const StateLimits limits_;
  const int lock_;  // descriptor
  const std::unique_ptr<Database> database_;
  ResponseStore responses_;
  ConversationStore conversations_;
  FileStore files_;
  BatchStore batches_;
};

}  // namespace trivet

#endif  // TRIVET_STATE_STATE_FOLDER_H_
