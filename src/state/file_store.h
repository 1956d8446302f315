// Uploaded and made files.
#ifndef TRIVET_STATE_FILE_STORE_H_
#define TRIVET_STATE_FILE_STORE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "state/database.h"

namespace trivet {

struct FileRecord {
  std::string id;
  std::string tenant;
  std::string filename;  // as the client calls it; never a path here
  std::string purpose;
  int64_t bytes = 0;
  int64_t created = 0;             // Unix seconds
  std::optional<int64_t> expires;  // Unix seconds
};

// A file that is being written; removed unless it is added to the store. One thread.
class NewFile {
 public:
  ~NewFile();
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;
  Result<void> append(std::string_view bytes);
  const std::string& id() const { return id_; }
  int64_t bytes() const { return bytes_; }

 private:
  friend class FileStore;
  NewFile(std::string folder, std::string id, int descriptor);
  std::string part_path() const { return folder_ + "/" + id_ + ".part"; }
  Result<void> publish();  // on the disk, under its name

  std::string folder_, id_;
  int descriptor_;
  int64_t bytes_ = 0;
  bool published_ = false;
};

struct FileQuery {
  std::string tenant;
  std::string purpose;  // empty = any
  std::string after;    // id of the last one seen; empty = from the start
  int limit = 10000;
  bool newest_first = true;
};

// Thread-safe. Nobody sees what belongs to another tenant.
class FileStore {
 public:
  static constexpr int64_t kMaxFiles = 100'000;

  // `folder` exists.
  FileStore(Database& database, std::string folder, int64_t max_total_bytes)
      : database_(database), folder_(std::move(folder)), max_total_bytes_(max_total_bytes) {}

  // A file to write; its id begins with "file-".
  Result<std::unique_ptr<NewFile>> begin();
  // Makes it last (Durability::kMachine). `record` needs no id or size. kResourceExhausted: the
  // store is full.
  Result<FileRecord> add(NewFile& file, FileRecord record);
  // For those who add a row of their own in the same transaction: publish first, then insert.
  Result<void> publish(NewFile& file) { return file.publish(); }
  Result<void> insert_within(const FileRecord& record);  // inside an open transaction

  Result<std::optional<FileRecord>> find(std::string_view id, std::string_view tenant);
  Result<std::vector<FileRecord>> list(const FileQuery& query);
  Result<bool> erase(std::string_view id, std::string_view tenant);
  // Where the content of a file of this store lies.
  std::string path_of(const FileRecord& record) const { return folder_ + "/" + record.id; }
  // `size` bytes from `offset` on, or up to the end.
  Result<std::string> read(const FileRecord& record, int64_t offset, int64_t size) const;

  Result<void> erase_expired(int64_t now);
  // Removes what a crash left: contents without a row. Only before anything is written.
  Result<void> remove_orphans();

 private:
  Database& database_;
  const std::string folder_;
  const int64_t max_total_bytes_;
};

// `prefix` and 32 random hexadecimal digits.
std::string make_id(std::string_view prefix);

}  // namespace trivet

#endif  // TRIVET_STATE_FILE_STORE_H_
