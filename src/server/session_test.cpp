#include "server/session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "server/fakes/fake_transport.h"

namespace trivet {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

const std::string kWholeCall = post("/generate", "", "X-Request-Id: r\r\n");

std::string body_of(const std::string& response) {
  const size_t end = response.find("\r\n\r\n");
  return end == std::string::npos ? "" : response.substr(end + 4);
}

TEST(Session, AnswersPipelinedRequestsInOrder) {
  SessionWorld world;
  const std::string sent =
      world.send(post("/echo/a", "1") + get("/echo/b%2Fc") + post("/echo/d", "3"));
  const size_t first = sent.find("a|1"), second = sent.find("b/c|"), third = sent.find("d|3");
  EXPECT_LT(first, second);
  EXPECT_LT(second, third);
  EXPECT_NE(third, std::string::npos);
  EXPECT_FALSE(world.transport.closed);
}

TEST(Session, KeepsPipelinedRequestsUntilTheRunningOneIsAnswered) {
  SessionWorld world;
  EXPECT_THAT(world.send(kWholeCall + post("/echo/later", "x")), IsEmpty());
  world.engine.emit("r-0", "answer", true);
  const std::string sent = world.take();
  EXPECT_THAT(sent, HasSubstr("\r\n\r\nanswerHTTP/1.1 200 OK"));
  EXPECT_THAT(sent, EndsWith("later|x"));
}

TEST(Session, WritesEveryErrorInTheShapeOfThePath) {
  ServerOptions options;
  options.max_body_bytes = 100;
  SessionWorld world(options);
  EXPECT_THAT(world.send(post("/lines", "invalid")), EndsWith("\r\n\r\nbare: the body is invalid"));
  EXPECT_THAT(body_of(world.send(get("/lines"))), StartsWith("bare: /lines does not take GET"));
  world.engine.accept_only(0);
  EXPECT_THAT(world.send(post("/lines", "")), EndsWith("\r\n\r\nbare: the queue is full"));
  EXPECT_THAT(body_of(world.send(post("/generate", ""))), StartsWith("{\"error\":"));
  EXPECT_THAT(body_of(world.send(post("/lines", std::string(101, ' ')))), StartsWith("bare: "));
}

TEST(Session, WritesEngineErrorsAndStreamsInTheShapeOfTheCall) {
  SessionWorld world;
  world.send(post("/lines", "", "X-Request-Id: r\r\n"));
  world.engine.fail("r-0", ErrorCode::kInternal, "it broke");
  EXPECT_THAT(world.take(), EndsWith("\r\n\r\nbare: it broke"));
  world.send(post("/lines", "stream", "X-Request-Id: r\r\n"));
  EXPECT_EQ(world.after(std::chrono::minutes(1)), "");  // this format has no pings
  world.engine.emit("r-0", "one");
  EXPECT_THAT(world.take(), HasSubstr("Content-Type: application/x-ndjson\r\n"));
  EXPECT_THAT(world.after(std::chrono::hours(2)), HasSubstr("bare: the answer was not finished"));
}

TEST(Session, HandsTheQueryToTheRoute) {
  SessionWorld world;
  EXPECT_THAT(world.send(get("/echo/a?x=1&y")), EndsWith("a|?x=1&y"));
}

TEST(Session, PausesReadingWhenTheClientPipelinesTooMuch) {
  SessionWorld world;
  world.send(kWholeCall);
  EXPECT_TRUE(world.session->wants_read());
  world.send(std::string(64 << 10, 'x'));
  EXPECT_FALSE(world.session->wants_read());
}

TEST(Session, GivesTheSameAnswerHoweverTheBytesAreSplit) {
  SessionWorld whole;
  const std::string request = "\r\n" + post("/echo/a", "hello", "X-Request-Id: r\r\n");
  const std::string expected = whole.send(request);
  EXPECT_THAT(expected, EndsWith("a|hello"));
  SessionWorld split;
  std::string sent;
  for (const char c : request) sent += split.send(std::string(1, c));
  EXPECT_EQ(body_of(sent), body_of(expected));
}

TEST(Session, StreamsOneChunkPerStepAndEndsTheChunks) {
  SessionWorld world;
  EXPECT_THAT(world.send(kStreamCall), IsEmpty());  // no head before the first bytes
  world.engine.emit("r-0", "one");
  std::string sent = world.take();
  EXPECT_THAT(sent,
              StartsWith("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n"));
  EXPECT_THAT(sent, HasSubstr("Transfer-Encoding: chunked\r\n"));
  EXPECT_THAT(sent, EndsWith("\r\n\r\nb\r\ndata: one\n\n\r\n"));
  world.engine.emit("r-0", "two");
  world.engine.emit("r-0", "three");  // both before the thread looks: one chunk
  EXPECT_EQ(world.take(), "18\r\ndata: two\n\ndata: three\n\n\r\n");
  world.engine.emit("r-0", "", true);
  EXPECT_EQ(world.take(), "e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n");
  EXPECT_FALSE(world.transport.closed);
  EXPECT_THAT(world.send(post("/echo/a", "")), EndsWith("a|"));
}

TEST(Session, StreamsToHttp10WithoutChunksAndCloses) {
  SessionWorld world;
  world.send("POST /generate HTTP/1.0\r\nX-Request-Id: r\r\nContent-Length: 6\r\n\r\nstream");
  world.engine.emit("r-0", "one", true);
  const std::string sent = world.take();
  EXPECT_THAT(sent, Not(HasSubstr("chunked")));
  EXPECT_EQ(body_of(sent), "data: one\n\ndata: [DONE]\n\n");
  EXPECT_TRUE(world.transport.closed);
}

TEST(Session, ErrorBeforeTheFirstByteIsARealStatusAndLaterAnEvent) {
  SessionWorld world;
  world.send(kStreamCall);
  world.engine.fail("r-0", ErrorCode::kResourceExhausted, "full");
  std::string sent = world.take();
  EXPECT_THAT(sent, StartsWith("HTTP/1.1 429 Too Many Requests\r\n"));
  EXPECT_THAT(sent, HasSubstr("\r\nRetry-After: 1\r\n"));
  world.send(kStreamCall);
  world.engine.emit("r-0", "one");
  world.take();
  world.engine.fail("r-0", ErrorCode::kInternal, "broke");
  sent = world.take();
  EXPECT_THAT(sent, HasSubstr("data: {\"error\":{\"message\":\"broke\""));
  EXPECT_THAT(sent, EndsWith("data: [DONE]\n\n\r\n0\r\n\r\n"));
}

TEST(Session, CommentLinesFillSilenceOnAStream) {
  SessionWorld world;
  world.send(kStreamCall);
  EXPECT_THAT(world.after(seconds(14)), IsEmpty());
  EXPECT_THAT(world.after(seconds(2)), EndsWith("\r\n\r\n8\r\n: ping\n\n\r\n"));
  EXPECT_THAT(world.after(seconds(14)), IsEmpty());
  world.engine.emit("r-0", "one");
  EXPECT_EQ(world.take(), "b\r\ndata: one\n\n\r\n");
  EXPECT_THAT(world.after(seconds(14)), IsEmpty());
  EXPECT_EQ(world.after(seconds(2)), "8\r\n: ping\n\n\r\n");
  // An error is an event now, as the status is gone.
  world.engine.fail("r-0", ErrorCode::kInternal, "broke");
  EXPECT_THAT(world.take(), HasSubstr("data: {\"error\":"));
}

TEST(Session, PeerThatGoesAwayEndsItsRequestsAtEveryStage) {
  for (const bool streamed : {false, true}) {
    for (const bool decoding : {false, true}) {
      SessionWorld world;
      world.send(
          post("/generate", streamed ? "stream prompts=2" : "prompts=2", "X-Request-Id: r\r\n"));
      if (decoding) world.engine.emit("r-0", "one");
      world.take();
      world.session->receive_end();
      EXPECT_EQ(world.engine.live(), 0u);
      EXPECT_THAT(world.engine.cancelled(), testing::UnorderedElementsAre("r-0", "r-1"));
      EXPECT_EQ(world.bridge.live_requests(), 0u);
      EXPECT_TRUE(world.transport.closed);
      EXPECT_THAT(world.log_text(), HasSubstr("\"finish\":\"disconnect\""));
      EXPECT_THAT(world.take(), IsEmpty());
    }
  }
}

TEST(Session, DestructionEndsItsRequests) {
  SessionWorld world;
  world.send(kStreamCall);
  world.end_session();
  EXPECT_THAT(world.engine.cancelled(), ElementsAre("r-0"));
  world.lane->run_inbox();  // the last output finds nobody
}

TEST(Session, HalfClosedPeerStillGetsWhatWasAnswered) {
  SessionWorld world;
  world.transport.slow = true;
  world.session->receive(post("/echo/a", "x"));
  world.session->receive_end();
  world.transport.slow = false;
  world.transport.flush();
  EXPECT_THAT(world.transport.sent, EndsWith("a|x"));
}

TEST(Session, SlowReaderIsCutAtTheLimitAndNotBefore) {
  SessionWorld world({.max_pending_bytes = 1000});
  world.send(kStreamCall);
  world.transport.slow = true;
  world.engine.emit("r-0", std::string(500, 'x'));
  world.take();
  EXPECT_FALSE(world.transport.was_cut);
  world.engine.emit("r-0", std::string(900, 'x'));
  world.take();
  EXPECT_FALSE(world.transport.was_cut);
  world.engine.emit("r-0", "x");
  world.take();
  EXPECT_TRUE(world.transport.was_cut);
  EXPECT_THAT(world.engine.cancelled(), ElementsAre("r-0"));
  EXPECT_THAT(world.log_text(), HasSubstr("\"finish\":\"slow_reader\""));
}

TEST(Session, LargeWholeAnswerIsNoSlowReader) {
  SessionWorld world({.max_pending_bytes = 1000});
  world.send(kWholeCall);
  world.engine.emit("r-0", std::string(5000, 'x'), true);
  EXPECT_THAT(world.take(), HasSubstr("Content-Length: 5000\r\n"));
  EXPECT_FALSE(world.transport.was_cut);
}

TEST(Session, StopsReadingRequestsWhileAnswersPileUp) {
  SessionWorld world;
  world.transport.slow = true;
  std::string flood;
  for (int i = 0; i < 40; ++i) flood += post("/echo/a", std::string(4000, 'y'));
  world.session->receive(flood);
  EXPECT_FALSE(world.session->wants_read());
  world.transport.slow = false;
  std::string sent;
  for (int i = 0; i < 40; ++i) {
    world.transport.flush();
    world.session->output_written();
    sent += std::exchange(world.transport.sent, {});
  }
  size_t answers = 0;
  for (size_t at = sent.find("a|yyy"); at != std::string::npos; at = sent.find("a|yyy", at + 1))
    ++answers;
  EXPECT_EQ(answers, 40u);
}

TEST(Session, LaterRefusalCancelsEarlierPromptsAndAnswersTheError) {
  SessionWorld world;
  world.engine.accept_only(2);
  const std::string sent = world.send(post("/generate", "stream prompts=3", "X-Request-Id: r\r\n"));
  EXPECT_THAT(sent, StartsWith("HTTP/1.1 429 "));
  EXPECT_THAT(sent, HasSubstr("Retry-After: "));
  EXPECT_THAT(world.engine.cancelled(), testing::UnorderedElementsAre("r-0", "r-1"));
  EXPECT_EQ(world.bridge.live_requests(), 0u);
  EXPECT_FALSE(world.transport.closed);
  EXPECT_THAT(world.metrics.render(), HasSubstr("reason=\"queue_full\"} 1"));
}

TEST(Session, FailureOfOnePromptBeforeTheFirstByteEndsTheOthers) {
  SessionWorld world;
  world.send(post("/generate", "prompts=2", "X-Request-Id: r\r\n"));
  world.engine.fail("r-1", ErrorCode::kInvalidArgument, "no");
  EXPECT_THAT(world.take(), StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(world.engine.cancelled(), ElementsAre("r-0"));
}

TEST(Session, RepeatedRequestIdOfALiveRequestRunsUnderAnother) {
  SessionWorld world;
  world.send(kWholeCall);
  FakeTransport other_transport;
  Session other(world.state, world.lane, other_transport, "127.0.0.1", false);
  other_transport.session = &other;
  other.receive(kWholeCall);
  ASSERT_EQ(world.engine.submitted().size(), 2u);
  const std::string renamed = world.engine.submitted()[1].id;
  EXPECT_NE(renamed, "r-0");
  world.engine.emit(renamed, "second", true);
  world.engine.emit("r-0", "first", true);
  EXPECT_THAT(world.take(), EndsWith("first"));
  EXPECT_THAT(other_transport.sent, EndsWith("second"));
  EXPECT_THAT(other_transport.sent, HasSubstr("X-Request-Id: r\r\n"));
}

TEST(Session, RequestIdsThatCouldHarmLogsAreReplaced) {
  SessionWorld world;
  for (const std::string& id :
       {std::string("a b"), std::string("a\"b"), std::string(129, 'a'), std::string("\xc3\xa4")}) {
    const std::string sent = world.send(get("/open", "X-Request-Id: " + id + "\r\n"));
    EXPECT_THAT(sent, HasSubstr("\r\nX-Request-Id: "));
    EXPECT_THAT(sent, Not(HasSubstr("X-Request-Id: " + id + "\r\n")));
  }
  EXPECT_THAT(world.send(get("/open", "X-Request-Id: a.B:c_9-\r\n")),
              HasSubstr("X-Request-Id: a.B:c_9-\r\n"));
}

TEST(Session, LargeBodiesAreParsedElsewhereAndAnsweredTheSame) {
  SessionWorld world;
  world.send(post("/generate", "stream" + std::string(100 << 10, ' '), "X-Request-Id: r\r\n"));
  ASSERT_TRUE([&] {
    for (int i = 0; i < 2000 && world.engine.submitted().empty(); ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
      world.take();
    }
    return !world.engine.submitted().empty();
  }());
  world.engine.emit("r-0", "one", true);
  EXPECT_THAT(world.take(), HasSubstr("data: one\n\ndata: [DONE]"));
}

TEST(Session, LargeBodyOfAPeerThatWentAwayReachesNoEngine) {
  SessionWorld world;
  world.send(post("/generate", std::string(100 << 10, ' ')));
  world.session->receive_end();
  world.end_session();
  world.workers.stop();
  world.lane->run_inbox();
  EXPECT_THAT(world.engine.submitted(), IsEmpty());
}

TEST(Session, AsksForTheBodyOfAnExpectantClientOnlyIfItWillBeUsed) {
  SessionWorld world({.max_body_bytes = 100});
  const std::string head =
      "POST /echo/a HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: ";
  EXPECT_EQ(world.send(head + "3\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  EXPECT_THAT(world.send("abc"), EndsWith("a|abc"));
  EXPECT_THAT(world.send(head + "101\r\n\r\n"), StartsWith("HTTP/1.1 413 "));
  EXPECT_TRUE(world.transport.closed);
  SessionWorld other;
  EXPECT_THAT(
      other.send(
          "POST /echo/a HTTP/1.1\r\nHost: h\r\nExpect: magic\r\nContent-Length: 3\r\n\r\nabc"),
      StartsWith("HTTP/1.1 417 "));
}

TEST(Session, RefusedRequestWithASmallBodyKeepsTheConnection) {
  SessionWorld world;
  EXPECT_THAT(world.send(post("/nowhere", "abc")), StartsWith("HTTP/1.1 404 Not Found\r\n"));
  EXPECT_THAT(world.send(post("/open", "abc")), StartsWith("HTTP/1.1 405 "));
  EXPECT_THAT(world.send(get("/generate")), HasSubstr("\r\nAllow: POST, OPTIONS\r\n"));
  EXPECT_THAT(world.send(get("/open")), StartsWith("HTTP/1.1 200 "));
  EXPECT_FALSE(world.transport.closed);
  EXPECT_THAT(world.send("POST /nowhere HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"),
              StartsWith("HTTP/1.1 404 "));
  EXPECT_TRUE(world.transport.closed);
  EXPECT_TRUE(world.session->lingers());
}

TEST(Session, ErrorsNameThePathWithoutItsControlBytes) {
  SessionWorld world;
  const std::string sent = world.send(get("/\xff\xfe" + std::string(300, 'a')));
  EXPECT_THAT(body_of(sent), HasSubstr("there is no endpoint /\?\?aaa"));
  EXPECT_LT(body_of(sent).size(), 300u);
}

TEST(Session, MalformedRequestsGetOneAnswerAndTheConnectionCloses) {
  const std::pair<std::string, std::string> cases[] = {
      {"NONSENSE\r\n\r\n", "400"},
      {"GET / HTTP/1.1\r\n\r\n", "400"},
      {"GET / HTTP/3.0\r\nHost: h\r\n\r\n", "505"},
      {"GET /" + std::string(20 << 10, 'a'), "431"},
      {"POST /echo/a HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: "
       "chunked\r\n\r\n0\r\n\r\n",
       "400"},
      {"POST /echo/a HTTP/1.1\r\nHost: h\r\nContent-Length: 9000000\r\n\r\n", "413"},
  };
  for (const auto& [request, status] : cases) {
    SessionWorld world;
    const std::string sent = world.send(request + get("/open"));
    EXPECT_THAT(sent, StartsWith("HTTP/1.1 " + status + " ")) << request.substr(0, 60);
    EXPECT_THAT(sent, HasSubstr("\r\nConnection: close\r\n"));
    EXPECT_THAT(sent, Not(HasSubstr("HTTP/1.1 200")));
    EXPECT_TRUE(world.transport.closed);
  }
}

TEST(Session, HeadIsGetWithoutABody) {
  SessionWorld world;
  const std::string sent = world.send("HEAD /echo/abc HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_THAT(sent, HasSubstr("\r\nContent-Length: 4\r\n"));
  EXPECT_THAT(sent, EndsWith("\r\n\r\n"));
}

TEST(Session, TimeLimitsOnHeadBodyAndIdleness) {
  {
    SessionWorld world;  // nothing was ever sent: closed without a word
    EXPECT_THAT(world.after(seconds(9)), IsEmpty());
    EXPECT_FALSE(world.transport.closed);
    EXPECT_THAT(world.after(seconds(2)), IsEmpty());
    EXPECT_TRUE(world.transport.closed);
  }
  {
    SessionWorld world;  // a byte now and then does not help
    world.send("G");
    for (int i = 0; i < 4; ++i) {
      world.after(seconds(2));
      EXPECT_THAT(world.send("E"), IsEmpty());
    }
    EXPECT_THAT(world.after(seconds(3)), StartsWith("HTTP/1.1 408 "));
  }
  {
    SessionWorld world;
    world.send("POST /echo/a HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nx");
    EXPECT_THAT(world.after(seconds(59)), IsEmpty());
    world.send("x");
    EXPECT_THAT(world.after(seconds(2)), StartsWith("HTTP/1.1 408 "));
    EXPECT_TRUE(world.transport.closed);
  }
  {
    SessionWorld world;
    world.send(get("/open"));
    world.send("\r\n");  // stray line ends of old clients are no request
    EXPECT_THAT(world.after(seconds(70)), IsEmpty());
    EXPECT_FALSE(world.transport.closed);
    EXPECT_THAT(world.after(seconds(6)), IsEmpty());
    EXPECT_TRUE(world.transport.closed);
  }
}

TEST(Session, GenerationEndsAtTheRequestTimeout) {
  SessionWorld world({.request_timeout = seconds(30)});
  world.send(kWholeCall);
  EXPECT_EQ(world.engine.submitted().at(0).deadline, world.clock.now() + seconds(30));
  EXPECT_THAT(world.after(seconds(31)), IsEmpty());  // the engine's turn
  EXPECT_THAT(world.after(seconds(5)), StartsWith("HTTP/1.1 504 "));
  EXPECT_THAT(world.engine.cancelled(), ElementsAre("r-0"));
}

TEST(Session, KeysGuardEverythingButOpenRoutes) {
  SessionWorld world({.api_keys = {{"team", "sk-1"}, {"", "sk-2"}}});
  EXPECT_THAT(world.send(get("/open")), StartsWith("HTTP/1.1 200 "));
  const std::string refused = world.send(get("/nowhere"));
  EXPECT_THAT(refused, StartsWith("HTTP/1.1 401 Unauthorized\r\n"));
  EXPECT_THAT(refused, HasSubstr("\"type\":\"authentication_error\",\"param\":null,\"code\":401"));
  EXPECT_THAT(refused, HasSubstr("\r\nWWW-Authenticate: Bearer\r\n"));
  for (const char* field : {"Authorization: Bearer sk-3\r\n", "Authorization: Bearer \r\n",
                            "Authorization: Basic sk-1\r\n", "Authorization: sk-1\r\n",
                            "X-Api-Key: \r\n", "Authorization: Bearer sk-1x\r\n"}) {
    EXPECT_THAT(world.send(post("/generate", "", field)), StartsWith("HTTP/1.1 401 ")) << field;
  }
  EXPECT_THAT(world.engine.submitted(), IsEmpty());
  world.send(post("/generate", "", "authorization: bearer  sk-1\r\nX-Request-Id: a\r\n"));
  world.engine.emit("a-0", "x", true);
  EXPECT_THAT(world.take(), StartsWith("HTTP/1.1 200 "));
  world.send(post("/generate", "", "X-API-KEY: sk-2\r\nX-Request-Id: b\r\n"));
  ASSERT_EQ(world.engine.submitted().size(), 2u);
  EXPECT_EQ(world.engine.submitted()[0].tenant, "team");
  EXPECT_THAT(world.engine.submitted()[1].tenant, StartsWith("key-"));
  EXPECT_THAT(world.log_text(), HasSubstr("\"tenant\":\"team\""));
  EXPECT_THAT(world.log_text(), Not(HasSubstr("sk-")));
}

TEST(Session, LoadingAndDrainingTurnGenerationAway) {
  SessionWorld loading({}, false);
  EXPECT_THAT(loading.send(kWholeCall), StartsWith("HTTP/1.1 503 "));
  EXPECT_THAT(loading.send(get("/open")), StartsWith("HTTP/1.1 200 "));
  loading.state.attach(loading.engine, ServedModel{});
  EXPECT_THAT(loading.send(kWholeCall), IsEmpty());
  loading.state.begin_drain();
  loading.engine.emit("r-0", "last", true);
  const std::string last = loading.take();
  EXPECT_THAT(last, HasSubstr("\r\nConnection: close\r\n"));
  EXPECT_THAT(last, EndsWith("last"));

  SessionWorld draining;
  draining.send(get("/open"));
  draining.state.begin_drain();
  const std::string refused = draining.send(kWholeCall);
  EXPECT_THAT(refused, StartsWith("HTTP/1.1 503 "));
  EXPECT_THAT(refused, HasSubstr("Retry-After: 1\r\n"));
  EXPECT_THAT(draining.metrics.render(), HasSubstr("reason=\"draining\"} 1"));
}

TEST(Session, IdleConnectionsCloseWhileDraining) {
  SessionWorld world;
  world.send(get("/open"));
  world.state.begin_drain();
  world.after(Duration::zero());
  EXPECT_TRUE(world.transport.closed);
}

TEST(Session, FullQueueIsRefusedBeforeTheBodyIsParsed) {
  SessionWorld world({.max_waiting_requests = 3});
  world.engine.set_stats({.waiting = 3});
  EXPECT_THAT(world.send(post("/generate", "invalid")), StartsWith("HTTP/1.1 503 "));
  world.engine.set_stats({.waiting = 2});
  EXPECT_THAT(world.send(post("/generate", "invalid")), StartsWith("HTTP/1.1 400 "));
}

TEST(Session, ConnectionAboveTheLimitServesOnlyOpenRoutes) {
  SessionWorld world({}, true, true);
  const std::string health = world.send(get("/open"));
  EXPECT_THAT(health, StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(health, HasSubstr("Connection: close"));
  SessionWorld other({}, true, true);
  EXPECT_THAT(other.send(get("/echo/a")), StartsWith("HTTP/1.1 503 "));
}

TEST(Session, BodiesOfAllSessionsShareOneBudget) {
  SessionWorld world({.max_body_bytes = 1000, .max_bodies_bytes = 1500});
  const std::string head = "POST /echo/a HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\n";
  world.send(head + std::string(900, 'x'));
  FakeTransport other_transport;
  {
    Session other(world.state, world.lane, other_transport, "127.0.0.1", false);
    other_transport.session = &other;
    other.receive(head + std::string(700, 'x'));
    EXPECT_THAT(other_transport.sent, StartsWith("HTTP/1.1 503 "));
  }
  EXPECT_THAT(world.send(std::string(100, 'x')), StartsWith("HTTP/1.1 200 "));
  EXPECT_TRUE(world.state.reserve_body(1500));  // all was given back
}

TEST(Session, CorsAnswersOnlyForTheOriginsThatAreAllowed) {
  SessionWorld world({.api_keys = {{"t", "k"}}, .cors_origins = {"https://a.example"}});
  const std::string preflight = world.send(
      "OPTIONS /generate HTTP/1.1\r\nHost: h\r\nOrigin: "
      "https://a.example\r\nAccess-Control-Request-Method: POST\r\n\r\n");
  EXPECT_THAT(preflight, StartsWith("HTTP/1.1 204 No Content\r\n"));
  EXPECT_THAT(preflight,
              HasSubstr("\r\nAccess-Control-Allow-Origin: https://a.example\r\nVary: Origin\r\n"));
  EXPECT_THAT(preflight, HasSubstr("\r\nAccess-Control-Allow-Methods: POST, OPTIONS\r\n"));
  EXPECT_THAT(preflight, Not(HasSubstr("Content-Length")));
  EXPECT_THAT(world.send(get("/open", "Origin: https://b.example\r\n")),
              Not(HasSubstr("Access-Control")));
  EXPECT_THAT(world.send(get("/open")), Not(HasSubstr("Access-Control")));
  // Errors must be readable by the page too.
  EXPECT_THAT(world.send(get("/x", "Origin: https://a.example\r\n")),
              HasSubstr("Access-Control-Allow-Origin: https://a.example"));
}

TEST(Session, LogsTheFieldsThatWereIgnored) {
  SessionWorld world;
  world.send(post("/generate", "odd", "X-Request-Id: r\r\n"));
  world.engine.emit("r-0", "x", true);
  world.take();
  EXPECT_THAT(world.log_text(), HasSubstr("\"ignored_fields\":\"odd,o\\u000a{}\"}\n"));
}

TEST(Session, LogsWhatItServedWithoutTheText) {
  SessionWorld world;
  world.send(post("/generate?secret=1", "stream SECRET", "X-Request-Id: r\r\n"));
  world.engine.emit("r-0", "CONFIDENTIAL");
  world.engine.emit("r-0", "", true);
  world.take();
  const std::string line = world.log_text();
  EXPECT_THAT(
      line,
      HasSubstr(
          "\"request_id\":\"r\",\"peer\":\"127.0.0.1\",\"method\":\"POST\",\"path\":\"/generate\","
          "\"status\":200,"));
  EXPECT_THAT(
      line,
      HasSubstr("\"finish\":\"stop\",\"streamed\":true,\"prompt_tokens\":3,\"cached_tokens\":2,"
                "\"completion_tokens\":1"));
  EXPECT_THAT(line, Not(HasSubstr("SECRET")));
  EXPECT_THAT(line, Not(HasSubstr("secret")));
  EXPECT_THAT(line, Not(HasSubstr("CONFIDENTIAL")));
}

}  // namespace
}  // namespace trivet
