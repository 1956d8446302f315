#include "server/engine_bridge.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/fakes/fake_transport.h"
#include "server/lane.h"

namespace trivet {
namespace {

class Recorder final : public OutputReceiver {
 public:
  void take_output(const RequestOutput& output, TimePoint) override {
    events.push_back(output.request_id);
  }
  void end_batch() override { events.push_back("end"); }
  std::vector<std::string> events;
};

std::vector<RequestOutput> outputs(const std::vector<std::string>& ids, bool finished = false) {
  std::vector<RequestOutput> all;
  for (const std::string& id : ids) all.push_back(FakeEngine::output(id, "x", finished));
  return all;
}

class EngineBridgeTest : public testing::Test {
 protected:
  void claim(const std::string& id, const std::shared_ptr<FakeLane>& lane, Recorder& recorder) {
    ASSERT_TRUE(bridge_.claim(id, lane));
    lane->connect(id, &recorder);
  }
  EngineBridge bridge_;
  std::shared_ptr<FakeLane> lane_a_ = std::make_shared<FakeLane>(),
                            lane_b_ = std::make_shared<FakeLane>();
  Recorder first_, second_, third_;
};

TEST_F(EngineBridgeTest, WakesEachThreadOnceHoweverManyStepsItMisses) {
  claim("a1", lane_a_, first_);
  claim("a2", lane_a_, second_);
  claim("b1", lane_b_, third_);
  for (int step = 0; step < 3; ++step) bridge_.deliver(outputs({"a1", "b1", "a2"}));
  EXPECT_EQ(lane_a_->wakes, 1);
  EXPECT_EQ(lane_b_->wakes, 1);
  lane_a_->run_inbox();
  EXPECT_THAT(first_.events, testing::ElementsAre("a1", "a1", "a1", "end"));
  EXPECT_THAT(second_.events, testing::ElementsAre("a2", "a2", "a2", "end"));
  EXPECT_THAT(third_.events, testing::IsEmpty());
  bridge_.deliver(outputs({"a1"}));
  EXPECT_EQ(lane_a_->wakes, 2);
}

TEST_F(EngineBridgeTest, ForgetsFinishedAndReleasedRequests) {
  claim("a1", lane_a_, first_);
  EXPECT_FALSE(bridge_.claim("a1", lane_b_));
  bridge_.deliver(outputs({"a1"}, true));
  EXPECT_EQ(bridge_.live_requests(), 0u);
  EXPECT_TRUE(bridge_.claim("a1", lane_b_));
  bridge_.release("a1");
  EXPECT_EQ(bridge_.live_requests(), 0u);
}

TEST_F(EngineBridgeTest, OutputsForNobodyAreDropped) {
  claim("a1", lane_a_, first_);
  lane_a_->disconnect("a1");
  bridge_.deliver(outputs({"a1", "unknown"}));
  lane_a_->run_inbox();
  EXPECT_THAT(first_.events, testing::IsEmpty());
  claim("b1", lane_b_, second_);
  lane_b_->close();
  bridge_.deliver(outputs({"b1"}, true));
  EXPECT_EQ(lane_b_->wakes, 0);
  EXPECT_EQ(bridge_.live_requests(), 1u);  // a1, which never finished
}

}  // namespace
}  // namespace trivet
