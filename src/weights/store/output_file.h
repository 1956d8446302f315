// A file that grows, with errors as values.
#ifndef TRIVET_WEIGHTS_STORE_OUTPUT_FILE_H_
#define TRIVET_WEIGHTS_STORE_OUTPUT_FILE_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include "base/result.h"
#include "weights/digest.h"

namespace trivet {

// Appends. Movable; closes when it dies. One thread at a time.
class OutputFile {
 public:
  // Opens or makes the file; its contents stay.
  static Result<OutputFile> open(const std::string& path);

  OutputFile(OutputFile&& other) noexcept;
  OutputFile& operator=(OutputFile&&) = delete;
  ~OutputFile();

  uint64_t size() const { return size_; }
  // A full disk is kResourceExhausted and named.
  Result<void> append(std::span<const std::byte> bytes);
  // Cuts to `size` bytes, at most the present ones.
  Result<void> truncate(uint64_t size);
  // Returns when the bytes are on the disk.
  Result<void> sync();

 private:
  OutputFile(std::string path, int descriptor, uint64_t size)
      : path_(std::move(path)), descriptor_(descriptor), size_(size) {}

  std::string path_;
  int descriptor_;
  uint64_t size_;
};

// Bytes done so far; false stops.
using ByteObserver = std::function<bool(uint64_t)>;

// Adds the file to the digest and returns its size; kCancelled if the observer says so.
Result<uint64_t> digest_file(const std::string& path, Digest& digest, const ByteObserver& observer);

// Writes beside `path` and renames, so that `path` has the old contents or the new ones.
Result<void> write_file_atomically(const std::string& path, std::string_view content);

// An error if the file system of `folder` has less than `bytes` free.
Result<void> check_free_space(const std::string& folder, uint64_t bytes);

}  // namespace trivet

#endif  // TRIVET_WEIGHTS_STORE_OUTPUT_FILE_H_
