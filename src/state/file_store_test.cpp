#include "state/file_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "state/state_folder.h"
#include "state/test_folder.h"

namespace trivet {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class FileStoreTest : public testing::Test {
 protected:
  FileRecord add(const std::string& content, int64_t created = 1,
                 const std::string& purpose = "batch") {
    auto file = state_->files().begin().value();
    EXPECT_TRUE(file->append(content));
    FileRecord record;
    record.tenant = "alice";
    record.filename = "../../etc/passwd";
    record.purpose = purpose;
    record.created = created;
    return state_->files().add(*file, record).value();
  }
  std::vector<std::string> ids(const FileQuery& query) {
    std::vector<std::string> found;
    const auto records = state_->files().list(query).value();
    for (const FileRecord& record : records) found.push_back(record.id);
    return found;
  }
  size_t contents() const {
    size_t count = 0;
    for ([[maybe_unused]] const auto& entry :
         std::filesystem::directory_iterator(folder_.path() + "/files")) {
      ++count;
    }
    return count;
  }
  void reopen() {
    state_.reset();
    state_ = StateFolder::open(folder_.path()).value();
  }

  TestFolder folder_;
  std::unique_ptr<StateFolder> state_ =
      StateFolder::open(folder_.path(), {.max_files_bytes = 1000}).value();
};

TEST_F(FileStoreTest, KeepsContentUnderAnIdOfItsOwn) {
  const FileRecord record = add(std::string("a\0b", 3));
  EXPECT_THAT(record.id, testing::MatchesRegex("file-[0-9a-f]+"));
  reopen();
  const auto found = state_->files().find(record.id, "alice").value();
  ASSERT_TRUE(found);
  EXPECT_EQ(found->filename, "../../etc/passwd");
  EXPECT_EQ(state_->files().read(*found, 0, 1 << 20).value(), std::string("a\0b", 3));
  EXPECT_FALSE(state_->files().find(record.id, "bob").value());
  EXPECT_FALSE(state_->files().erase(record.id, "bob").value());
  EXPECT_TRUE(state_->files().erase(record.id, "alice").value());
  EXPECT_EQ(contents(), 0u);
}

TEST_F(FileStoreTest, ListsInOrderPageByPage) {
  const auto a = add("1", 10), b = add("2", 20), c = add("3", 30, "other");
  EXPECT_THAT(ids({.tenant = "alice"}), ElementsAre(c.id, b.id, a.id));
  EXPECT_THAT(ids({.tenant = "alice", .newest_first = false}), ElementsAre(a.id, b.id, c.id));
  EXPECT_THAT(ids({.tenant = "alice", .purpose = "batch"}), ElementsAre(b.id, a.id));
  EXPECT_THAT(ids({.tenant = "alice", .after = c.id, .limit = 1}), ElementsAre(b.id));
  EXPECT_THAT(ids({.tenant = "bob"}), ElementsAre());
}

TEST_F(FileStoreTest, RefusesMoreThanItMayHold) {
  add(std::string(900, 'x'));
  auto file = state_->files().begin().value();
  ASSERT_TRUE(file->append(std::string(101, 'x')));
  const auto added = state_->files().add(*file, {.tenant = "alice"});
  ASSERT_FALSE(added);
  EXPECT_EQ(added.error().code(), ErrorCode::kResourceExhausted);
  EXPECT_EQ(contents(), 1u);
}

TEST_F(FileStoreTest, ForgetsWhatWasNeverAdded) {
  {
    auto file = state_->files().begin().value();
    ASSERT_TRUE(file->append("x"));
    EXPECT_EQ(contents(), 1u);
  }
  EXPECT_EQ(contents(), 0u);
}

TEST_F(FileStoreTest, RemovesOrphansOfACrashAndExpiredFiles) {
  FileRecord kept = add("kept");
  std::ofstream(folder_.path() + "/files/file-0.part") << "torn";
  std::ofstream(folder_.path() + "/files/file-1") << "published, no row";
  reopen();
  EXPECT_EQ(contents(), 1u);
  auto file = state_->files().begin().value();
  const auto brief = state_->files().add(*file, {.tenant = "alice", .expires = 50}).value();
  ASSERT_TRUE(state_->files().erase_expired(49));
  EXPECT_TRUE(state_->files().find(brief.id, "alice").value());
  ASSERT_TRUE(state_->files().erase_expired(50));
  EXPECT_FALSE(state_->files().find(brief.id, "alice").value());
  EXPECT_TRUE(state_->files().find(kept.id, "alice").value());
}

TEST_F(FileStoreTest, SaysThatContentIsDamaged) {
  const FileRecord record = add("content");
  std::filesystem::resize_file(state_->files().path_of(record), 3);
  EXPECT_EQ(state_->files().read(record, 0, 100).error().code(), ErrorCode::kDataLoss);
}

TEST(StateFolder, IsHeldByOneProcess) {
  const TestFolder folder;
  EXPECT_FALSE(StateFolder::exists(folder.path()));
  const auto first = StateFolder::open(folder.path());
  ASSERT_TRUE(first);
  EXPECT_TRUE(StateFolder::exists(folder.path()));
  const auto second = StateFolder::open(folder.path());
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error().message(), HasSubstr("--state-dir"));
}

TEST(StateFolder, RefusesWhatIsNotItsDatabaseOrNewer) {
  const TestFolder folder;
  std::filesystem::create_directories(folder.path());
  std::ofstream(folder.path() + "/state.db") << std::string(5000, 'x');
  EXPECT_EQ(StateFolder::open(folder.path()).error().code(), ErrorCode::kDataLoss);
  std::filesystem::remove(folder.path() + "/state.db");
  {
    const auto database = Database::open(folder.path() + "/state.db").value();
    ASSERT_TRUE(database->run("PRAGMA user_version=99"));
  }
  EXPECT_THAT(StateFolder::open(folder.path()).error().message(), HasSubstr("version 99"));
}

}  // namespace
}  // namespace trivet
