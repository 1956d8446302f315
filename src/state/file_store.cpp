#include "state/file_store.h"

#include <fcntl.h>
#include <openssl/rand.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <unordered_set>

#include "base/hex.h"

namespace trivet {
namespace {

Error system_failure(const std::string& what) {
  const int code = errno;
  const ErrorCode kind =
      code == ENOSPC || code == EDQUOT ? ErrorCode::kResourceExhausted : ErrorCode::kUnavailable;
  return Error(kind, what + " (" + std::strerror(code) + ")");
}

// A name is on the disk only when its folder is.
Result<void> sync_folder(const std::string& folder) {
  const int descriptor = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return system_failure("cannot open " + folder);
  const int status = fsync(descriptor);
  close(descriptor);
  if (status != 0) return system_failure("cannot write " + folder);
  return {};
}

FileRecord read_file(const Statement& row) {
  FileRecord record;
  record.id = row.text(0);
  record.tenant = row.text(1);
  record.filename = row.text(2);
  record.purpose = row.text(3);
  record.bytes = row.integer(4);
  record.created = row.integer(5);
  if (!row.is_null(6)) record.expires = row.integer(6);
  return record;
}

constexpr const char* kSelectFiles =
    "SELECT id, tenant, filename, purpose, bytes, created, expires FROM files ";

}  // namespace

std::string make_id(std::string_view prefix) {
  std::array<unsigned char, 16> bytes{};
  TRIVET_CHECK(RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) == 1);
  return std::string(prefix) + to_hex(bytes);
}

NewFile::NewFile(std::string folder, std::string id, int descriptor)
    : folder_(std::move(folder)), id_(std::move(id)), descriptor_(descriptor) {}

NewFile::~NewFile() {
  close(descriptor_);
  if (!published_) unlink(part_path().c_str());
}

Result<void> NewFile::append(std::string_view bytes) {
  bytes_ += static_cast<int64_t>(bytes.size());
  while (!bytes.empty()) {
    const ssize_t written = write(descriptor_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return system_failure("cannot write " + part_path());
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return {};
}

Result<void> NewFile::publish() {
  if (fsync(descriptor_) != 0) return system_failure("cannot write " + part_path());
  if (rename(part_path().c_str(), (folder_ + "/" + id_).c_str()) != 0) {
    return system_failure("cannot name " + part_path());
  }
  published_ = true;
  return sync_folder(folder_);
}

Result<std::unique_ptr<NewFile>> FileStore::begin() {
  std::string id = make_id("file-");
  const std::string path = folder_ + "/" + id + ".part";
  const int descriptor =
      open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR);
  if (descriptor < 0) return system_failure("cannot create " + path);
  return std::unique_ptr<NewFile>(new NewFile(folder_, std::move(id), descriptor));
}

Result<FileRecord> FileStore::add(NewFile& file, FileRecord record) {
  TRIVET_RETURN_IF_ERROR(file.publish());
  record.id = file.id();
  record.bytes = file.bytes();
  Transaction transaction(database_, Durability::kMachine);
  const auto inserted = insert_within(record);
  const auto committed = inserted ? transaction.commit() : inserted;
  if (committed) return record;
  unlink(path_of(record).c_str());
  return committed.error();
}

Result<void> FileStore::insert_within(const FileRecord& record) {
  Statement total(database_, "SELECT COALESCE(SUM(bytes),0), COUNT(*) FROM files");
  TRIVET_RETURN_IF_ERROR(total.next());
  if (total.integer(1) >= kMaxFiles) {
    return Error(ErrorCode::kResourceExhausted,
                 "this server holds " + std::to_string(kMaxFiles) +
                     " files, the most it may; delete some and try again");
  }
  if (total.integer(0) + record.bytes > max_total_bytes_) {
    return Error(ErrorCode::kResourceExhausted, "the files of this server may have " +
                                                    std::to_string(max_total_bytes_) +
                                                    " bytes together; delete some and try again");
  }
  Statement statement(database_, "INSERT INTO files VALUES(?,?,?,?,?,?,?)");
  statement.bind(record.id).bind(record.tenant).bind(record.filename).bind(record.purpose);
  return statement.bind(record.bytes).bind(record.created).bind_maybe(record.expires).run();
}

Result<std::optional<FileRecord>> FileStore::find(std::string_view id, std::string_view tenant) {
  const std::lock_guard lock(database_.mutex());
  Statement statement(database_, std::string(kSelectFiles) + "WHERE id=? AND tenant=?");
  TRIVET_ASSIGN_OR_RETURN(const bool found, statement.bind(id).bind(tenant).next());
  return found ? std::optional(read_file(statement)) : std::nullopt;
}

Result<std::vector<FileRecord>> FileStore::list(const FileQuery& query) {
  const std::lock_guard lock(database_.mutex());
  const std::string compare = query.newest_first ? "<" : ">";
  const std::string order = query.newest_first ? "DESC" : "ASC";
  Statement statement(database_,
                      std::string(kSelectFiles) +
                          "WHERE tenant=?1 AND (?2='' OR purpose=?2) AND (?3='' OR (created, id)" +
                          compare + "(SELECT created, id FROM files WHERE id=?3 AND tenant=?1)) " +
                          "ORDER BY created " + order + ", id " + order + " LIMIT ?4");
  statement.bind(query.tenant).bind(query.purpose).bind(query.after).bind(int64_t{query.limit});
  std::vector<FileRecord> records;
  for (;;) {
    TRIVET_ASSIGN_OR_RETURN(const bool row, statement.next());
    if (!row) return records;
    records.push_back(read_file(statement));
  }
}

Result<bool> FileStore::erase(std::string_view id, std::string_view tenant) {
  Transaction transaction(database_);
  Statement statement(database_, "DELETE FROM files WHERE id=? AND tenant=?");
  TRIVET_RETURN_IF_ERROR(statement.bind(id).bind(tenant).run());
  const bool erased = database_.changed_rows() > 0;
  TRIVET_RETURN_IF_ERROR(transaction.commit());
  // The row was there, so the id is one of ours and a plain name.
  if (erased) unlink((folder_ + "/" + std::string(id)).c_str());
  return erased;
}

Result<std::string> FileStore::read(const FileRecord& record, int64_t offset, int64_t size) const {
  const std::string path = path_of(record);
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) {
    return Error(ErrorCode::kDataLoss, "the content of " + record.id + " is gone");
  }
  offset = std::clamp<int64_t>(offset, 0, record.bytes);
  std::string content(static_cast<size_t>(std::min(size, record.bytes - offset)), '\0');
  size_t have = 0;
  while (have < content.size()) {
    const ssize_t got = pread(descriptor, content.data() + have, content.size() - have,
                              offset + static_cast<int64_t>(have));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    have += static_cast<size_t>(got);
  }
  close(descriptor);
  if (have == content.size()) return content;
  return Error(ErrorCode::kDataLoss, "the content of " + record.id + " is damaged");
}

Result<void> FileStore::erase_expired(int64_t now) {
  std::vector<std::pair<std::string, std::string>> expired;
  {
    const std::lock_guard lock(database_.mutex());
    Statement statement(database_, "SELECT id, tenant FROM files WHERE expires<=?");
    statement.bind(now);
    for (;;) {
      TRIVET_ASSIGN_OR_RETURN(const bool row, statement.next());
      if (!row) break;
      expired.emplace_back(statement.text(0), statement.text(1));
    }
  }
  for (const auto& [id, tenant] : expired) TRIVET_RETURN_IF_ERROR(erase(id, tenant));
  return {};
}

Result<void> FileStore::remove_orphans() {
  std::unordered_set<std::string> known;
  const std::lock_guard lock(database_.mutex());
  Statement statement(database_, "SELECT id FROM files");
  for (;;) {
    TRIVET_ASSIGN_OR_RETURN(const bool row, statement.next());
    if (!row) break;
    known.insert(statement.text(0));
  }
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder_, error)) {
    const std::string name = entry.path().filename();
    if (name.starts_with("file-") && !known.contains(name)) {
      std::filesystem::remove(entry.path(), error);
    }
  }
  return {};
}

}  // namespace trivet
