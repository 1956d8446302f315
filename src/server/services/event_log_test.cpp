#include "server/services/event_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/services/log_shelf.h"

namespace trivet {
namespace {

TEST(EventLog, GivesEventsFromAnyNumberOn) {
  EventLog log({.numbered = true});
  log.append("data: a\n\ndata: b\n\n");
  log.append("data: c\n\n");
  EXPECT_EQ(log.read(0, 1 << 20).bytes, "id: 0\ndata: a\n\nid: 1\ndata: b\n\nid: 2\ndata: c\n\n");
  const EventLog::Piece rest = log.read(2, 1 << 20);
  EXPECT_EQ(rest.bytes, "id: 2\ndata: c\n\n");
  EXPECT_EQ(rest.next, 3u);
  EXPECT_FALSE(rest.ended);
  log.finish();
  EXPECT_TRUE(log.read(3, 1).ended);
  EXPECT_TRUE(log.read(1000, 1).ended);
}

TEST(EventLog, GivesAtLeastOneEventAndThenNotMoreThanAskedFor) {
  EventLog log;
  log.append("aaaa\n\nbbbb\n\ncccc\n\n");
  EXPECT_EQ(log.read(0, 1).bytes, "aaaa\n\n");
  EXPECT_EQ(log.read(0, 7).bytes, "aaaa\n\nbbbb\n\n");
}

TEST(EventLog, ForgetsTheOldestEventsOfALongStreamAndSaysSo) {
  EventLog log({}, 20);
  for (int i = 0; i < 10; ++i) log.append("event" + std::to_string(i) + "\n\n");
  EXPECT_LE(log.bytes(), 20u);
  EXPECT_TRUE(log.read(0, 100).lost);
  EXPECT_EQ(log.read(9, 100).bytes, "event9\n\n");
}

TEST(EventLog, TellsAReaderOnceUntilItReads) {
  EventLog log;
  int told = 0;
  const uint64_t reader = log.subscribe([&] { ++told; });
  log.append("a\n\n");
  log.append("b\n\n");
  EXPECT_EQ(told, 1);
  log.read(0, 100);
  log.append("c\n\n");
  EXPECT_EQ(told, 2);
  log.unsubscribe(reader);
  log.finish();
  EXPECT_EQ(told, 2);
}

TEST(EventLog, EndsOnceAndIsNotCancelledAfterwards) {
  EventLog log;
  int cancelled = 0;
  log.on_cancel([&] { ++cancelled; });
  log.finish(HttpResponse{.body = "first"});
  log.finish(HttpResponse{.body = "second"});
  log.append("late\n\n");
  log.cancel();
  EXPECT_EQ(log.response()->body, "first");
  EXPECT_EQ(log.read(0, 100).bytes, "");
  EXPECT_EQ(cancelled, 0);
}

class LogShelfTest : public testing::Test {
 protected:
  std::shared_ptr<EventLog> ended(const std::string& body) {
    auto log = std::make_shared<EventLog>();
    log->finish(HttpResponse{.body = body});
    return log;
  }
  SteadyClock clock_;
};

TEST_F(LogShelfTest, KeepsTheFirstLogUnderAKey) {
  LogShelf shelf({}, clock_);
  const auto first = std::make_shared<EventLog>();
  EXPECT_EQ(shelf.add("k", first, "tag").log, first);
  const auto entry = shelf.add("k", std::make_shared<EventLog>(), "other");
  EXPECT_EQ(entry.log, first);
  EXPECT_EQ(entry.tag, "tag");
  shelf.remove("k");
  EXPECT_EQ(shelf.find("k").log, nullptr);
}

TEST_F(LogShelfTest, DropsTheOldestThatEndedButNeverWhatRuns) {
  LogShelf shelf({.max_logs = 3}, clock_);
  const auto running = std::make_shared<EventLog>();
  shelf.add("running", running);
  shelf.add("a", ended("1"));
  shelf.add("b", ended("2"));
  EXPECT_NE(shelf.add("c", ended("3")).log, nullptr);
  EXPECT_EQ(shelf.find("a").log, nullptr);
  EXPECT_EQ(shelf.find("running").log, running);
}

TEST_F(LogShelfTest, RefusesMoreThanMayRun) {
  LogShelf shelf({.max_logs = 2}, clock_);
  shelf.add("a", std::make_shared<EventLog>());
  shelf.add("b", std::make_shared<EventLog>());
  EXPECT_EQ(shelf.add("c", std::make_shared<EventLog>()).log, nullptr);
}

TEST_F(LogShelfTest, CancelsWhatNobodyReadsAndForgetsWhatEnded) {
  LogShelf shelf({.keep_ended = Duration::zero(), .keep_alone = Duration::zero()}, clock_);
  const auto alone = std::make_shared<EventLog>(), read = std::make_shared<EventLog>();
  int cancelled = 0;
  alone->on_cancel([&] { ++cancelled; });
  read->on_cancel([&] { ++cancelled; });
  read->subscribe([] {});
  shelf.add("alone", alone);
  shelf.add("read", read);
  shelf.add("ended", ended("x"));
  shelf.sweep();
  EXPECT_EQ(cancelled, 1);
  EXPECT_EQ(shelf.find("ended").log, nullptr);
  EXPECT_EQ(shelf.find("read").log, read);
}

}  // namespace
}  // namespace trivet
