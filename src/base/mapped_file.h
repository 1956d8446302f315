// A file read through the page cache.
#ifndef TRIVET_BASE_MAPPED_FILE_H_
#define TRIVET_BASE_MAPPED_FILE_H_

#include <cstddef>
#include <span>
#include <string>

#include "base/result.h"

namespace trivet {

// Read-only private mapping of a whole file. Movable; unmaps when it dies. Reading a page that the
// file lost after mapping raises SIGBUS, as with any mapping: files in use must not be truncated.
class MappedFile {
 public:
  static Result<MappedFile> open(const std::string& path);

  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  ~MappedFile();

  const std::string& path() const { return path_; }
  std::span<const std::byte> bytes() const { return {data_, size_}; }

  // Gives the resident pages that lie wholly inside the range back to the system; they are read
  // again on the next touch. Keeps peak memory at one tensor while weights are repacked.
  void drop(std::span<const std::byte> range) const;

 private:
  MappedFile(std::string path, const std::byte* data, size_t size)
      : path_(std::move(path)), data_(data), size_(size) {}
  void unmap();

  std::string path_;
  const std::byte* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace trivet

#endif  // TRIVET_BASE_MAPPED_FILE_H_
