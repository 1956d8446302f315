#include "server/services/services.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "server/fakes/fake_transport.h"

namespace trivet {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

// Another client of the same server.
class Client {
 public:
  explicit Client(SessionWorld& world) {
    session_ = std::make_unique<Session>(world.state, lane_, transport_, "127.0.0.1", false);
    transport_.session = session_.get();
  }
  ~Client() { leave(); }
  void leave() {
    transport_.session = nullptr;
    session_.reset();
  }
  void send(const std::string& bytes) { session_->receive(bytes); }
  // What has come by the time that it holds `wanted`, or after a while.
  std::string wait_for(const std::string& wanted) {
    for (int i = 0; i < 2000 && received().find(wanted) == std::string::npos; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return received();
  }
  std::string received() {
    lane_->run_inbox();
    session_->output_written();
    return transport_.sent;
  }

 private:
  std::shared_ptr<FakeLane> lane_ = std::make_shared<FakeLane>();
  FakeTransport transport_;
  std::unique_ptr<Session> session_;
};

std::string id_of_stream(const std::string& response) {
  const std::string name = "X-Trivet-Stream-Id: ";
  const size_t begin = response.find(name) + name.size();
  return response.substr(begin, response.find('\r', begin) - begin);
}

class ServicesTest : public testing::Test {
 protected:
  std::string engine_id(size_t index) { return world_.engine.submitted().at(index).id; }
  SessionWorld world_;
};

TEST_F(ServicesTest, AResumableStreamGoesOnWithoutItsClient) {
  Client client(world_);
  client.send(post("/generate", "stream", "X-Trivet-Resumable: true\r\n"));
  ASSERT_TRUE(world_.engine.wait_for_submitted(1));
  world_.engine.emit(engine_id(0), "one");
  const std::string sent = client.wait_for("data: one");
  EXPECT_THAT(sent, EndsWith("id: 0\ndata: one\n\n\r\n"));
  const std::string id = id_of_stream(sent);
  client.leave();
  world_.engine.emit(engine_id(0), "two");
  world_.engine.emit(engine_id(0), "", true);
  EXPECT_TRUE(world_.engine.cancelled().empty());
  const auto log = world_.state.services().stream("", id);
  ASSERT_NE(log, nullptr);
  for (int i = 0; i < 2000 && !log->ended(); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  EXPECT_EQ(log->read(1, 1000).bytes, "id: 1\ndata: two\n\nid: 2\ndata: [DONE]\n\n");
  EXPECT_EQ(world_.state.services().stream("other", id), nullptr);
}

TEST_F(ServicesTest, CancellingAStreamEndsItsWork) {
  Client client(world_);
  client.send(post("/generate", "stream", "X-Trivet-Resumable: 1\r\n"));
  ASSERT_TRUE(world_.engine.wait_for_submitted(1));
  world_.engine.emit(engine_id(0), "one");
  const std::string id = id_of_stream(client.wait_for("data: one"));
  world_.state.services().stream("", id)->cancel();
  EXPECT_TRUE(world_.engine.wait_for_cancelled(1));
  EXPECT_THAT(client.wait_for("0\r\n\r\n"), HasSubstr("the request was cancelled"));
}

TEST_F(ServicesTest, DuplicatesOfAKeyWaitForOneAnswer) {
  Client first(world_), second(world_), late(world_);
  const std::string request = post("/generate", "", "Idempotency-Key: k\r\n");
  first.send(request);
  second.send(request);
  ASSERT_TRUE(world_.engine.wait_for_submitted(1));
  first.leave();  // the second one still gets the answer
  world_.engine.emit(engine_id(0), "answer", true);
  const std::string sent = second.wait_for("answer");
  EXPECT_THAT(sent, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(sent, HasSubstr("Idempotent-Replayed: true\r\n"));
  late.send(request);
  EXPECT_THAT(late.wait_for("answer"), EndsWith("\r\n\r\nanswer"));
  EXPECT_EQ(world_.engine.submitted().size(), 1u);
}

TEST_F(ServicesTest, AKeyBelongsToOneBodyAndOnePath) {
  Client client(world_);
  client.send(post("/generate", "", "Idempotency-Key: k\r\n"));
  ASSERT_TRUE(world_.engine.wait_for_submitted(1));
  world_.engine.emit(engine_id(0), "answer", true);
  client.wait_for("answer");
  Client other(world_);
  other.send(post("/generate", "stream", "Idempotency-Key: k\r\n"));
  EXPECT_THAT(other.received(), StartsWith("HTTP/1.1 422 "));
  Client elsewhere(world_);
  elsewhere.send(post("/echo/a", "b", "Idempotency-Key: k\r\n"));
  EXPECT_THAT(elsewhere.received(), EndsWith("a|b"));
  Client wrong(world_);
  wrong.send(post("/echo/a", "b", "Idempotency-Key: " + std::string(256, 'k') + "\r\n"));
  EXPECT_THAT(wrong.received(), StartsWith("HTTP/1.1 400 "));
}

TEST_F(ServicesTest, AFailureIsNotKept) {
  Client client(world_), retry(world_);
  const std::string request = post("/generate", "", "Idempotency-Key: k\r\n");
  client.send(request);
  ASSERT_TRUE(world_.engine.wait_for_submitted(1));
  world_.engine.fail(engine_id(0), ErrorCode::kResourceExhausted, "full");
  EXPECT_THAT(client.wait_for("full"), StartsWith("HTTP/1.1 429 "));
  retry.send(request);
  ASSERT_TRUE(world_.engine.wait_for_submitted(2));
  world_.engine.emit(engine_id(1), "answer", true);
  EXPECT_THAT(retry.wait_for("answer"), EndsWith("\r\n\r\nanswer"));
}

TEST_F(ServicesTest, AStreamIsReplayedToADuplicate) {
  Client client(world_), again(world_);
  const std::string request = post("/generate", "stream", "Idempotency-Key: k\r\n");
  client.send(request);
  ASSERT_TRUE(world_.engine.wait_for_submitted(1));
  world_.engine.emit(engine_id(0), "one");
  world_.engine.emit(engine_id(0), "two", true);
  client.wait_for("[DONE]");
  again.send(request);
  const std::string sent = again.wait_for("0\r\n\r\n");
  EXPECT_THAT(sent, HasSubstr("data: one\n\ndata: two\n\ndata: [DONE]\n\n"));
  EXPECT_THAT(sent, Not(HasSubstr("id: ")));
}

TEST_F(ServicesTest, NothingIsWrittenBeforeItIsUsed) {
  EXPECT_EQ(world_.state.services().state_if_open(), nullptr);
}

TEST(RoutePattern, MatchesOnePartOrTheRest) {
  const auto answer = [](const RouteCall&) -> Answer { return HttpResponse{}; };
  const std::array<Route, 3> routes = {{
      {.method = "GET", .path = "/r/{id}", .answer = answer},
      {.method = "POST", .path = "/r/{id}/cancel", .answer = answer},
      {.method = "GET", .path = "/m/{id...}", .answer = answer},
  }};
  const auto parameter = [&](std::string_view method, std::string_view path) -> std::string {
    const RouteMatch match = match_route(routes, method, path);
    return match.route == nullptr ? "-" : match.path_parameter;
  };
  EXPECT_EQ(parameter("GET", "/r/a"), "a");
  EXPECT_EQ(parameter("GET", "/r/a%2Fb"), "a/b");
  EXPECT_EQ(parameter("GET", "/r/"), "-");
  EXPECT_EQ(parameter("GET", "/r/a/b"), "-");
  EXPECT_EQ(parameter("POST", "/r/a/cancel"), "a");
  EXPECT_EQ(parameter("POST", "/r//cancel"), "-");
  EXPECT_EQ(parameter("POST", "/r/a/b/cancel"), "-");
  EXPECT_EQ(parameter("GET", "/r/a/cancel"), "-");
  EXPECT_EQ(match_route(routes, "GET", "/r/a/cancel").allowed_methods, "POST, OPTIONS");
  EXPECT_EQ(parameter("GET", "/m/a/b"), "a/b");
}

}  // namespace
}  // namespace trivet
