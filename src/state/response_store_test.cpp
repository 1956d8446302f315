#include "state/response_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "state/state_folder.h"
#include "state/test_folder.h"

namespace trivet {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

StoredResponse response(const std::string& id, const std::string& status = "completed") {
  StoredResponse stored;
  stored.id = id;
  stored.tenant = "alice";
  stored.created = 100;
  stored.status = status;
  stored.object = std::string("{\"id\":\0\"", 8) + id + "\"}";
  stored.input = "[]";
  stored.turn = "[\"" + id + "\"]";
  return stored;
}

class ResponseStoreTest : public testing::Test {
 protected:
  TestFolder folder_;
  std::unique_ptr<StateFolder> state_ = StateFolder::open(folder_.path()).value();
  ResponseStore& store_ = state_->responses();
};

TEST_F(ResponseStoreTest, GivesBackEveryByteAfterReopening) {
  StoredResponse stored = response("resp_1", "in_progress");
  stored.background = true;
  stored.previous = "resp_0";
  stored.request = "{\"input\":\"\xE2\x82\xAC\"}";
  stored.events = "event: x\n\n";
  ASSERT_TRUE(store_.put(stored));
  state_.reset();
  state_ = StateFolder::open(folder_.path()).value();
  const auto found = state_->responses().find("resp_1", "alice").value();
  ASSERT_TRUE(found);
  EXPECT_EQ(found->object, stored.object);
  EXPECT_EQ(found->request, stored.request);
  EXPECT_EQ(found->events, stored.events);
  EXPECT_EQ(found->previous, "resp_0");
  EXPECT_TRUE(found->background);
  EXPECT_EQ(state_->responses().unfinished().value().size(), 1u);
}

TEST_F(ResponseStoreTest, HidesTheResponsesOfOthers) {
  ASSERT_TRUE(store_.put(response("resp_1")));
  EXPECT_FALSE(store_.find("resp_1", "bob").value());
  EXPECT_FALSE(store_.erase("resp_1", "bob").value());
  EXPECT_EQ(store_.conversation("resp_1", "bob").error().code(), ErrorCode::kNotFound);
  EXPECT_TRUE(store_.erase("resp_1", "alice").value());
  EXPECT_FALSE(store_.find("resp_1", "alice").value());
}

TEST_F(ResponseStoreTest, UpdatesOnlyWhatIsThere) {
  StoredResponse stored = response("resp_1", "in_progress");
  stored.input = "[1]";
  ASSERT_TRUE(store_.put(stored));
  stored.status = "completed";
  stored.object = "end";
  EXPECT_TRUE(store_.update(stored).value());
  EXPECT_EQ(store_.find("resp_1", "alice").value()->object, "end");
  EXPECT_EQ(store_.find("resp_1", "alice").value()->input, "[1]");
  ASSERT_TRUE(store_.erase("resp_1", "alice").value());
  EXPECT_FALSE(store_.update(stored).value());
  EXPECT_FALSE(store_.find("resp_1", "alice").value());
}

TEST_F(ResponseStoreTest, TakesHostileIdsAsText) {
  ASSERT_TRUE(store_.put(response("resp_1")));
  for (const std::string id : {"' OR 1=1 --", "%", "resp_1\0", "../state.db", ""}) {
    EXPECT_EQ(store_.find(id, "alice").value().has_value(), id == "resp_1") << id;
  }
}

TEST_F(ResponseStoreTest, ReadsAConversationFromItsFirstTurn) {
  std::optional<std::string> previous;
  for (const char* id : {"a", "b", "c"}) {
    StoredResponse stored = response(id);
    stored.previous = previous;
    ASSERT_TRUE(store_.put(stored));
    previous = id;
  }
  EXPECT_THAT(store_.conversation("c", "alice").value(),
              ElementsAre("[\"a\"]", "[\"b\"]", "[\"c\"]"));
  ASSERT_TRUE(store_.erase("a", "alice").value());
  const auto broken = store_.conversation("c", "alice");
  EXPECT_EQ(broken.error().code(), ErrorCode::kNotFound);
  EXPECT_THAT(broken.error().message(), HasSubstr("response a"));
}

TEST_F(ResponseStoreTest, RefusesAConversationThatRunsInACircle) {
  StoredResponse first = response("a"), second = response("b");
  first.previous = "b";
  second.previous = "a";
  ASSERT_TRUE(store_.put(first));
  ASSERT_TRUE(store_.put(second));
  EXPECT_FALSE(store_.conversation("a", "alice"));
}

TEST_F(ResponseStoreTest, PrunesByAgeAndBytesButNeverWhatRuns) {
  for (int i = 0; i < 200; ++i) {
    StoredResponse stored = response("r" + std::to_string(i), i == 0 ? "queued" : "completed");
    stored.created = i;
    stored.events = std::string(1000, 'x');
    ASSERT_TRUE(store_.put(stored));
  }
  ASSERT_TRUE(store_.prune(50, 1 << 30));
  EXPECT_TRUE(store_.find("r0", "alice").value());
  EXPECT_FALSE(store_.find("r49", "alice").value());
  EXPECT_TRUE(store_.find("r50", "alice").value());
  ASSERT_TRUE(store_.prune(0, 60000));
  EXPECT_FALSE(store_.find("r113", "alice").value());
  EXPECT_TRUE(store_.find("r199", "alice").value());
  EXPECT_TRUE(store_.find("r0", "alice").value());
}

}  // namespace
}  // namespace trivet
