#include "state/batch_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "state/state_folder.h"
#include "state/test_folder.h"

namespace trivet {
namespace {

using testing::ElementsAre;

BatchRecord batch(const std::string& id, int64_t created = 1,
                  const std::string& status = "in_progress") {
  BatchRecord record;
  record.id = id;
  record.tenant = "alice";
  record.endpoint = "/v1/completions";
  record.input_file = "file-1";
  record.completion_window = "24h";
  record.status = status;
  record.created = created;
  record.total = 3;
  return record;
}

class BatchStoreTest : public testing::Test {
 protected:
  std::vector<std::string> answers(const std::string& id, bool ok) {
    std::vector<std::string> found;
    EXPECT_TRUE(store_.for_each_answer(id, ok, [&](const std::string& answer) {
      found.push_back(answer);
      return Result<void>();
    }));
    return found;
  }
  TestFolder folder_;
  std::unique_ptr<StateFolder> state_ = StateFolder::open(folder_.path()).value();
  BatchStore& store_ = state_->batches();
};

TEST_F(BatchStoreTest, KeepsTheFirstAnswerOfALine) {
  ASSERT_TRUE(store_.put(batch("b")));
  EXPECT_TRUE(store_.add_line("b", 2, true, "two").value());
  EXPECT_TRUE(store_.add_line("b", 0, false, "zero").value());
  EXPECT_FALSE(store_.add_line("b", 2, true, "again").value());
  EXPECT_THAT(store_.answered_lines("b").value(), ElementsAre(0, 2));
  EXPECT_THAT(answers("b", true), ElementsAre("two"));
  EXPECT_THAT(answers("b", false), ElementsAre("zero"));
  const auto found = store_.find("b", "alice").value();
  ASSERT_TRUE(found);
  EXPECT_EQ(found->completed, 1);
  EXPECT_EQ(found->failed, 1);
  EXPECT_FALSE(store_.find("b", "bob").value());
}

TEST_F(BatchStoreTest, GivesAnswersInTheOrderOfTheLines) {
  std::vector<std::string> wanted;
  for (int i = 199; i >= 0; --i) {
    ASSERT_TRUE(store_.add_line("b", i, true, std::to_string(i)).value());
    wanted.insert(wanted.begin(), std::to_string(i));
  }
  EXPECT_EQ(answers("b", true), wanted);
}

TEST_F(BatchStoreTest, EndsWithFilesAndCountsAndWithoutLines) {
  BatchRecord record = batch("b");
  ASSERT_TRUE(store_.put(record));
  ASSERT_TRUE(store_.add_line("b", 0, true, "zero").value());
  record.status = "completed";
  record.times.completed = 9;
  record.completed = 1;
  record.output_file = "file-out";
  FileRecord output;
  output.id = "file-out";
  output.tenant = "alice";
  ASSERT_TRUE(store_.finish(record, {output}));
  EXPECT_THAT(store_.answered_lines("b").value(), ElementsAre());
  const auto found = store_.find("b", "alice").value();
  EXPECT_EQ(found->status, "completed");
  EXPECT_EQ(found->times.completed, 9);
  EXPECT_EQ(found->times.failed, std::nullopt);
  EXPECT_EQ(found->completed, 1);
  EXPECT_EQ(found->output_file, "file-out");
  EXPECT_TRUE(state_->files().find("file-out", "alice").value());
}

TEST_F(BatchStoreTest, ListsNewestFirstAndFindsWhatHasNotEnded) {
  ASSERT_TRUE(store_.put(batch("a", 1)));
  ASSERT_TRUE(store_.put(batch("b", 2, "completed")));
  ASSERT_TRUE(store_.put(batch("c", 3, "validating")));
  const auto ids = [](const std::vector<BatchRecord>& records) {
    std::vector<std::string> found;
    for (const BatchRecord& record : records) found.push_back(record.id);
    return found;
  };
  EXPECT_THAT(ids(store_.list("alice", "", 10).value()), ElementsAre("c", "b", "a"));
  EXPECT_THAT(ids(store_.list("alice", "c", 1).value()), ElementsAre("b"));
  EXPECT_THAT(ids(store_.list("bob", "", 10).value()), ElementsAre());
  EXPECT_THAT(ids(store_.unfinished().value()), ElementsAre("a", "c"));
}

TEST_F(BatchStoreTest, ForgetsOldOnesThatEnded) {
  ASSERT_TRUE(store_.put(batch("ended", 1, "completed")));
  ASSERT_TRUE(store_.put(batch("running", 1)));
  ASSERT_TRUE(store_.put(batch("young", 9, "failed")));
  ASSERT_TRUE(store_.prune(5));
  EXPECT_FALSE(store_.find("ended", "alice").value());
  EXPECT_TRUE(store_.find("running", "alice").value());
  EXPECT_TRUE(store_.find("young", "alice").value());
}

}  // namespace
}  // namespace trivet
