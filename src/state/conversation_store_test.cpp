#include "state/conversation_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "state/state_folder.h"
#include "state/test_folder.h"

namespace trivet {
namespace {

using testing::ElementsAre;

class ConversationStoreTest : public testing::Test {
 protected:
  void put(const std::string& id, std::vector<ConversationItem> items, int64_t created = 100) {
    ASSERT_TRUE(store().put({.id = id, .tenant = "alice", .created = created}, items));
  }
  ConversationStore& store() { return state_->conversations(); }
  std::vector<std::string> items(const std::string& id) {
    return store().items(id, "alice").value();
  }
  void reopen() {
    state_.reset();
    state_ = StateFolder::open(folder_.path()).value();
  }

  TestFolder folder_;
  std::unique_ptr<StateFolder> state_ = StateFolder::open(folder_.path()).value();
};

TEST_F(ConversationStoreTest, KeepsItemsInOrderAcrossAReopening) {
  put("c", {{"i1", "1"}, {"i2", "2"}});
  ASSERT_TRUE(store().add("c", "alice", std::vector<ConversationItem>{{"i3", "3"}}, 200));
  ASSERT_TRUE(store().set_metadata("c", "alice", R"({"a":"b"})").value());
  reopen();
  EXPECT_THAT(items("c"), ElementsAre("1", "2", "3"));
  EXPECT_EQ(store().find("c", "alice").value()->metadata, R"({"a":"b"})");
  EXPECT_EQ(store().find("c", "alice").value()->created, 100);
}

TEST_F(ConversationStoreTest, HidesWhatBelongsToOthers) {
  put("c", {{"i1", "1"}});
  EXPECT_FALSE(store().find("c", "bob").value());
  EXPECT_EQ(store().items("c", "bob").error().code(), ErrorCode::kNotFound);
  EXPECT_FALSE(store().find_item("", "i1", "bob").value());
  EXPECT_FALSE(store().erase_item("c", "i1", "bob").value());
  EXPECT_FALSE(store().set_metadata("c", "bob", "{}").value());
  EXPECT_EQ(store().add("c", "bob", {}, 1).error().code(), ErrorCode::kNotFound);
  EXPECT_FALSE(store().erase("c", "bob").value());
  EXPECT_THAT(items("c"), ElementsAre("1"));
}

TEST_F(ConversationStoreTest, FindsAndTakesOutSingleItems) {
  put("c", {{"i1", "1"}, {"i2", "2"}});
  put("d", {{"i9", "9"}});
  EXPECT_EQ(store().find_item("c", "i2", "alice").value(), "2");
  EXPECT_FALSE(store().find_item("d", "i2", "alice").value());
  EXPECT_EQ(store().find_item("", "i9", "alice").value(), "9");
  EXPECT_TRUE(store().erase_item("c", "i1", "alice").value());
  EXPECT_FALSE(store().erase_item("c", "i1", "alice").value());
  ASSERT_TRUE(store().add("c", "alice", std::vector<ConversationItem>{{"i3", "3"}}, 200));
  EXPECT_THAT(items("c"), ElementsAre("2", "3"));
}

TEST_F(ConversationStoreTest, ErasesTheItemsWithTheConversation) {
  put("c", {{"i1", "1"}});
  EXPECT_TRUE(store().erase("c", "alice").value());
  EXPECT_FALSE(store().erase("c", "alice").value());
  EXPECT_FALSE(store().find_item("", "i1", "alice").value());
}

TEST_F(ConversationStoreTest, TakesNoMoreItemsThanItsLimit) {
  put("c", std::vector<ConversationItem>(ConversationStore::kMaxItems, {"i", "1"}));
  const auto added = store().add("c", "alice", std::vector<ConversationItem>{{"j", "2"}}, 200);
  EXPECT_EQ(added.error().code(), ErrorCode::kInvalidArgument);
  EXPECT_EQ(items("c").size(), static_cast<size_t>(ConversationStore::kMaxItems));
}

TEST_F(ConversationStoreTest, GrowsWithTheEndOfAResponseOrNotAtAll) {
  put("c", {});
  StoredResponse response{.id = "resp_1", .tenant = "alice", .status = "in_progress"};
  ASSERT_TRUE(state_->responses().put(response));
  response.status = "completed";
  const ConversationGrowth growth{"c", {{"i1", "1"}}, 200};
  EXPECT_TRUE(state_->responses().update(response, growth).value());
  EXPECT_THAT(items("c"), ElementsAre("1"));
  ASSERT_TRUE(state_->responses().erase("resp_1", "alice"));
  EXPECT_FALSE(state_->responses().update(response, growth).value());
  EXPECT_THAT(items("c"), ElementsAre("1"));
}

TEST_F(ConversationStoreTest, PrunesWhatIsOldThenWhatWasLongestUnused) {
  put("old", {{"a", "1"}}, 10);
  put("big", {{"b", std::string(1000, 'x')}}, 100);
  put("used", {{"c", "3"}}, 50);
  ASSERT_TRUE(store().add("used", "alice", {}, 300));
  ASSERT_TRUE(store().prune(50, 1 << 20));
  EXPECT_FALSE(store().find("old", "alice").value());
  EXPECT_FALSE(store().find_item("", "a", "alice").value());
  EXPECT_TRUE(store().find("big", "alice").value());
  for (int i = 0; i < 20; ++i) {
    put("new" + std::to_string(i), {{"n", "1"}}, 400);
  }
  ASSERT_TRUE(store().prune(50, 500));
  EXPECT_FALSE(store().find("big", "alice").value());
  EXPECT_TRUE(store().find("new9", "alice").value());
}

}  // namespace
}  // namespace trivet
