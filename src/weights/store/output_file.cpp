#include "weights/store/output_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>
#include <vector>

namespace trivet {
namespace {

Error file_error(const std::string& path, const std::string& what) {
  const int error = errno;
  if (error == ENOSPC || error == EDQUOT) {
    return Error(ErrorCode::kResourceExhausted,
                 path +
                     ": the disk is full; free some space and pull again, it will go on where "
                     "it stopped");
  }
  const ErrorCode code = error == EACCES || error == EROFS ? ErrorCode::kPermissionDenied
                         : error == ENOENT                 ? ErrorCode::kNotFound
                                                           : ErrorCode::kInternal;
  return Error(code, path + ": cannot " + what + ": " + std::strerror(error));
}

}  // namespace

Result<OutputFile> OutputFile::open(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (descriptor < 0) return file_error(path, "open for writing");
  struct stat status{};
  if (::fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode)) {
    ::close(descriptor);
    return Error(ErrorCode::kInvalidArgument, path + ": is not a regular file");
  }
  return OutputFile(path, descriptor, static_cast<uint64_t>(status.st_size));
}

OutputFile::OutputFile(OutputFile&& other) noexcept
    : path_(std::move(other.path_)),
      descriptor_(std::exchange(other.descriptor_, -1)),
      size_(other.size_) {}

OutputFile::~OutputFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Result<void> OutputFile::append(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return file_error(path_, "write");
    size_ += static_cast<uint64_t>(written);
    bytes = bytes.subspan(static_cast<size_t>(written));
  }
  return {};
}

Result<void> OutputFile::truncate(uint64_t size) {
  if (::ftruncate(descriptor_, static_cast<off_t>(size)) != 0) return file_error(path_, "cut");
  size_ = size;
  return {};
}

Result<void> OutputFile::sync() {
  if (::fsync(descriptor_) != 0) return file_error(path_, "write to disk");
  return {};
}

Result<uint64_t> digest_file(const std::string& path, Digest& digest,
                             const ByteObserver& observer) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return file_error(path, "open");
  std::vector<std::byte> buffer(size_t{1} << 20);
  uint64_t done = 0;
  std::optional<Error> problem;
  while (!problem) {
    const ssize_t got = ::read(descriptor, buffer.data(), buffer.size());
    if (got == 0) break;
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      problem = file_error(path, "read");
      break;
    }
    digest.add(std::span(buffer).first(static_cast<size_t>(got)));
    done += static_cast<uint64_t>(got);
    if (observer && !observer(done)) problem = Error(ErrorCode::kCancelled, "the pull was stopped");
  }
  ::close(descriptor);
  if (problem) return *problem;
  return done;
}

Result<void> write_file_atomically(const std::string& path, std::string_view content) {
  const std::string beside = path + ".new";
  {
    TRIVET_ASSIGN_OR_RETURN(OutputFile file, OutputFile::open(beside));
    TRIVET_RETURN_IF_ERROR(file.truncate(0));
    TRIVET_RETURN_IF_ERROR(file.append(std::as_bytes(std::span(content))));
    TRIVET_RETURN_IF_ERROR(file.sync());
  }
  if (std::rename(beside.c_str(), path.c_str()) != 0) return file_error(path, "put in place");
  return {};
}

Result<void> check_free_space(const std::string& folder, uint64_t bytes) {
  struct statvfs status{};
  if (::statvfs(folder.c_str(), &status) != 0) return {};  // unknown: writing will tell
  const uint64_t available = uint64_t{status.f_bavail} * status.f_frsize;
  if (bytes <= available) return {};
  return Error(ErrorCode::kResourceExhausted,
               folder + ": the model needs " + std::to_string(bytes) + " bytes more, but only " +
                   std::to_string(available) +
                   " are free; free some space or choose another folder for the store");
}

}  // namespace trivet
