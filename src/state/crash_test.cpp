// What a crash leaves at any moment: the folder is copied after every write and the copies are
// opened.
#include <gtest/gtest.h>

#include <set>

#include "state/state_folder.h"
#include "state/test_folder.h"

namespace trivet {
namespace {

namespace fs = std::filesystem;

// A state folder whose every write is followed by a look at what a crash now would leave.
class CrashTest : public testing::Test {
 protected:
  struct Promise {  // what was acknowledged so far
    std::set<std::string> responses, files;
    std::set<int64_t> lines;
    std::string batch_status;
  };

  void check_crash_here() {
    const std::string copy = folder_.path("copy" + std::to_string(copies_++));
    fs::copy(folder_.path(), copy, fs::copy_options::recursive);
    const auto survivor = StateFolder::open(copy);
    ASSERT_TRUE(survivor) << survivor.error().message();
    StateFolder& state = **survivor;
    for (const std::string& id : promise_.responses) {
      const auto found = state.responses().find(id, "t").value();
      ASSERT_TRUE(found) << id;
      EXPECT_EQ(found->object, "object of " + id);
    }
    for (const std::string& id : promise_.files) {
      const auto found = state.files().find(id, "t").value();
      ASSERT_TRUE(found) << id;
      EXPECT_EQ(state.files().read(*found, 0, 1 << 20).value(), std::string(5000, 'f'));
    }
    const auto batch = state.batches().find("batch", "t").value();
    ASSERT_EQ(batch.has_value(), !promise_.batch_status.empty());
    if (batch) {
      EXPECT_EQ(batch->status, promise_.batch_status);
    }
    const auto lines = state.batches().answered_lines("batch").value();
    EXPECT_EQ(std::set<int64_t>(lines.begin(), lines.end()), promise_.lines);
    fs::remove_all(copy);
  }

  void add_response(const std::string& id) {
    StoredResponse response;
    response.id = id;
    response.tenant = "t";
    response.object = "object of " + id;
    ASSERT_TRUE(state_->responses().put(response));
    promise_.responses.insert(id);
    check_crash_here();
  }
  void add_file() {
    auto file = state_->files().begin().value();
    check_crash_here();
    ASSERT_TRUE(file->append(std::string(5000, 'f')));
    check_crash_here();
    promise_.files.insert(state_->files().add(*file, {.tenant = "t"}).value().id);
    check_crash_here();
  }
  void put_batch(const std::string& status) {
    BatchRecord batch;
    batch.id = "batch";
    batch.tenant = "t";
    batch.status = status;
    ASSERT_TRUE(state_->batches().put(batch));
    promise_.batch_status = status;
    check_crash_here();
  }
  void add_line(int64_t line) {
    ASSERT_TRUE(state_->batches().add_line("batch", line, true, "answer").value());
    promise_.lines.insert(line);
    check_crash_here();
  }

  TestFolder folder_;
  std::unique_ptr<StateFolder> state_ = StateFolder::open(folder_.path()).value();
  Promise promise_;
  int copies_ = 0;
};

TEST_F(CrashTest, AfterAnyWriteEverythingAcknowledgedIsThere) {
  check_crash_here();
  add_response("r1");
  add_file();
  put_batch("validating");
  put_batch("in_progress");
  for (int64_t line = 0; line < 20; ++line) add_line(line);
  add_response("r2");
  ASSERT_TRUE(state_->responses().erase("r1", "t").value());
  promise_.responses.erase("r1");
  check_crash_here();
}

TEST_F(CrashTest, BetweenPublishingOutputAndTheEndOfABatchTheLinesAreStillThere) {
  put_batch("finalizing");
  add_line(0);
  auto file = state_->files().begin().value();
  ASSERT_TRUE(file->append("output"));
  ASSERT_TRUE(state_->files().publish(*file));
  check_crash_here();  // the output is an orphan and goes; the lines stay and it is made again
  BatchRecord batch;
  batch.id = "batch";
  batch.tenant = "t";
  batch.status = "completed";
  batch.output_file = file->id();
  ASSERT_TRUE(state_->batches().finish(batch, {{.id = file->id(), .tenant = "t", .bytes = 6}}));
  promise_.batch_status = "completed";
  promise_.lines.clear();
  check_crash_here();
}

// Power fails while the journal is being written: what is read is the state after some whole write.
TEST_F(CrashTest, AJournalTornAnywhereGivesTheStateAfterAWholeWrite) {
  put_batch("in_progress");
  for (int64_t line = 0; line < 12; ++line) add_line(line);
  const std::string journal = "/state.db-wal";
  const auto size = fs::file_size(folder_.path() + journal);
  ASSERT_GT(size, 4096u);
  for (uintmax_t keep = 0; keep < size; keep += size / 61 + 1) {
    const std::string copy = folder_.path("torn");
    fs::copy(folder_.path(), copy, fs::copy_options::recursive);
    fs::resize_file(copy + journal, keep);
    const auto survivor = StateFolder::open(copy);
    ASSERT_TRUE(survivor) << keep << ": " << survivor.error().message();
    const auto lines = (*survivor)->batches().answered_lines("batch").value();
    for (size_t i = 0; i < lines.size(); ++i) ASSERT_EQ(lines[i], static_cast<int64_t>(i));
    fs::remove_all(copy);
  }
}

}  // namespace
}  // namespace trivet
