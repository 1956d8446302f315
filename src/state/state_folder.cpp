#include "state/state_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

namespace trivet {
namespace {

constexpr const char* kDatabaseName = "/state.db";

Result<int> take_lock(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, S_IRUSR | S_IWUSR);
  if (descriptor < 0) {
    return Error(ErrorCode::kUnavailable, "cannot write " + path + "; give another --state-dir");
  }
  if (flock(descriptor, LOCK_EX | LOCK_NB) == 0) return descriptor;
  ::close(descriptor);
  return Error(ErrorCode::kUnavailable,
               path + " is held by another server; give each server its own --state-dir");
}

}  // namespace

Result<std::unique_ptr<StateFolder>> StateFolder::open(const std::string& path,
                                                       const StateLimits& limits) {
  if (path.empty()) {
    return Error(ErrorCode::kUnavailable, "there is no folder for stored state; give --state-dir");
  }
  std::error_code error;
  std::filesystem::create_directories(path + "/files", error);
  if (error) {
    return Error(ErrorCode::kUnavailable,
                 "cannot create " + path + " (" + error.message() + "); give another --state-dir");
  }
  chmod(path.c_str(), S_IRWXU);
  TRIVET_ASSIGN_OR_RETURN(const int lock, take_lock(path + "/lock"));
  auto database = Database::open(path + kDatabaseName);
  if (!database) {
    ::close(lock);
    return database.error();
  }
  std::unique_ptr<StateFolder> folder(new StateFolder(path, limits, lock, std::move(*database)));
  TRIVET_RETURN_IF_ERROR(folder->files_.remove_orphans());
  return folder;
}

bool StateFolder::exists(const std::string& path) {
  std::error_code error;
  return !path.empty() && std::filesystem::exists(path + kDatabaseName, error);
}

std::string StateFolder::default_path() {
  const char* state = std::getenv("XDG_STATE_HOME");
  if (state != nullptr && *state == '/') return std::string(state) + "/trivet";
  const char* home = std::getenv("HOME");
  return home != nullptr && *home == '/' ? std::string(home) + "/.local/state/trivet" : "";
}

StateFolder::StateFolder(const std::string& path, const StateLimits& limits, int lock,
                         std::unique_ptr<Database> database)
    : limits_(limits),
      lock_(lock),
      database_(std::move(database)),
      responses_(*database_),
      conversations_(*database_),
      files_(*database_, path + "/files", limits.max_files_bytes),
      batches_(*database_, files_) {}

StateFolder::~StateFolder() { ::close(lock_); }

Result<void> StateFolder::tidy(int64_t unix_seconds) {
  TRIVET_RETURN_IF_ERROR(files_.erase_expired(unix_seconds));
  const int64_t before = unix_seconds - limits_.max_age_seconds;
  TRIVET_RETURN_IF_ERROR(batches_.prune(before));
  TRIVET_RETURN_IF_ERROR(conversations_.prune(before, limits_.max_conversations_bytes));
  return responses_.prune(before, limits_.max_responses_bytes);
}

}  // namespace trivet
