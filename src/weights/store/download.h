// One file over HTTP: resumed where it stopped, checked, then moved into place.
#ifndef TRIVET_WEIGHTS_STORE_DOWNLOAD_H_
#define TRIVET_WEIGHTS_STORE_DOWNLOAD_H_

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "weights/model_store.h"
#include "weights/store/http_client.h"

namespace trivet {

// Shows one file's progress as part of a whole pull.
class PullReport {
 public:
  PullReport(const PullObserver& observer, uint64_t total_bytes)
      : observer_(observer), total_bytes_(total_bytes) {}

  void start_phase(std::string phase) { phase_ = std::move(phase); }
  // What the next phases are about; sha256 and bytes are empty and 0 if not known.
  void set_file(std::string name, std::string sha256, uint64_t bytes) {
    file_ = std::move(name);
    sha256_ = std::move(sha256);
    file_bytes_ = bytes;
  }
  void add_done(uint64_t bytes) { done_bytes_ += bytes; }
  void set_total(uint64_t bytes) { total_bytes_ = bytes; }
  uint64_t total() const { return total_bytes_; }
  // `current`: bytes of the present file or part. False: stop.
  bool show(uint64_t current) const {
    return !observer_ || observer_({.phase = phase_,
                                    .done_bytes = done_bytes_ + current,
                                    .total_bytes = total_bytes_,
                                    .file = file_,
                                    .sha256 = sha256_,
                                    .file_done_bytes = current,
                                    .file_total_bytes = file_bytes_});
  }

 private:
  const PullObserver& observer_;
  std::string phase_, file_, sha256_;
  uint64_t file_bytes_ = 0;
  uint64_t done_bytes_ = 0;
  uint64_t total_bytes_;
};

struct DownloadRequest {
  std::string url;
  std::string bearer_token;
  std::string path;                   // of the finished file; PATH.partial while it is not
  std::optional<uint64_t> bytes;      // if known beforehand
  std::optional<std::string> sha256;  // if known beforehand, lower-case hex
  std::optional<std::string>
      git_blob_id;  // SHA-1 of "blob SIZE\0" and the file, for files of a git repository
};

struct DownloadedFile {
  uint64_t bytes = 0;
  std::string sha256;
};

// Also takes the size and the SHA-256 that the hub tells in its answer. A file that is there
// already and fits is not fetched again. Whatever fails, PATH is not touched; PATH.partial stays
// for the next attempt unless its contents are wrong.
Result<DownloadedFile> download(HttpClient& client, const DownloadRequest& request,
                                const StoreOptions& options, PullReport& report);

Error pull_stopped();

}  // namespace trivet

#endif  // TRIVET_WEIGHTS_STORE_DOWNLOAD_H_
