// One process at a time.
#ifndef TRIVET_WEIGHTS_STORE_FILE_LOCK_H_
#define TRIVET_WEIGHTS_STORE_FILE_LOCK_H_

#include <string>

#include "base/result.h"

namespace trivet {

// Holds an advisory lock on a file; the system takes it back when the process ends, however it
// ends.
class FileLock {
 public:
  // kUnavailable at once if someone else, in this process or another, holds it.
  static Result<FileLock> acquire(const std::string& path);

  FileLock(FileLock&& other) noexcept;
  FileLock& operator=(FileLock&&) = delete;
  ~FileLock();

 private:
  explicit FileLock(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;
};

}  // namespace trivet

#endif  // TRIVET_WEIGHTS_STORE_FILE_LOCK_H_
