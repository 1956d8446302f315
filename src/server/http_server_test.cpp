#include "server/http_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "base/testing/eventually.h"
#include "server/fakes/fake_engine.h"
#include "server/fakes/raw_requests.h"
#include "server/fakes/self_signed.h"
#include "server/fakes/test_client.h"

namespace trivet {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

// Whether connections are plain or TLS: both must keep the same promises.
class HttpServerTest : public testing::TestWithParam<bool> {
 protected:
  void start(ServerOptions options = {}, bool attached = true) {
    options.port = 0;
    if (GetParam()) {
      options.tls_certificate_file = testing::TempDir() + "trivet_server_test.crt";
      options.tls_key_file = testing::TempDir() + "trivet_server_test.key";
      ASSERT_TRUE(write_self_signed(options.tls_certificate_file, options.tls_key_file));
    }
    auto created = create_http_server(options, fake_routes(), bridge_, metrics_, nullptr);
    ASSERT_TRUE(created.ok()) << created.error().message();
    server_ = std::move(created).value();
    const auto started = server_->start();
    ASSERT_TRUE(started.ok()) << started.error().message();
    if (attached) server_->attach(engine_, ServedModel{});
  }
  std::unique_ptr<TestClient> connect(int receive_buffer = 0) {
    auto client = std::make_unique<TestClient>(server_->port(), receive_buffer);
    EXPECT_TRUE(client->connected());
    if (GetParam()) {
      EXPECT_TRUE(client->start_tls());
    }
    return client;
  }

  Metrics metrics_{{.model_name = "m", .max_model_len = 100}};
  EngineBridge bridge_;
  FakeEngine engine_{bridge_};
  std::unique_ptr<HttpServer> server_;
};

INSTANTIATE_TEST_SUITE_P(, HttpServerTest, testing::Bool(),
                         [](const auto& info) { return info.param ? "Tls" : "Plain"; });

TEST_P(HttpServerTest, KeepsTheConnectionForManyRequests) {
  start();
  const auto client = connect();
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(client->send(post("/echo/a", std::to_string(i))));
    EXPECT_THAT(client->read_answer(), EndsWith("a|" + std::to_string(i)));
  }
  ASSERT_TRUE(
      client->send(kOpenCall + kOpenCall + post("/echo/a", "last", "Connection: close\r\n")));
  EXPECT_THAT(client->read_all(), EndsWith("a|last"));
}

TEST_P(HttpServerTest, TakesHeadAndBodyByteByByte) {
  start();
  const auto client = connect();
  for (const char c : post("/echo/a", "slow")) ASSERT_TRUE(client->send(std::string(1, c)));
  EXPECT_THAT(client->read_answer(), EndsWith("a|slow"));
}

TEST_P(HttpServerTest, StreamsEachStepAtOnce) {
  start();
  const auto client = connect();
  client->send(kStreamCall);
  ASSERT_TRUE(engine_.wait_for_submitted(1));
  engine_.emit("r-0", "one");
  EXPECT_THAT(client->read_until("data: one\n\n\r\n"), StartsWith("HTTP/1.1 200 OK\r\n"));
  engine_.emit("r-0", "two");
  EXPECT_EQ(client->read_until("two\n\n\r\n"), "b\r\ndata: two\n\n\r\n");
  engine_.emit("r-0", "", true);
  EXPECT_EQ(client->read_until("0\r\n\r\n"), "e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n");
  client->send(kOpenCall);
  EXPECT_THAT(client->read_answer(), StartsWith("HTTP/1.1 200 "));
}

TEST_P(HttpServerTest, ClientThatGoesAwayEndsItsRequestsAtEveryStage) {
  start();
  size_t expected = 0;
  for (const bool reset : {false, true}) {
    for (const bool streamed : {false, true}) {
      for (const bool decoding : {false, true}) {
        SCOPED_TRACE(testing::Message()
                     << "reset " << reset << " streamed " << streamed << " decoding " << decoding);
        const auto client = connect();
        client->send(post("/generate", streamed ? "stream" : "", "X-Request-Id: r\r\n"));
        ASSERT_TRUE(engine_.wait_for_submitted(++expected));
        if (decoding) engine_.emit("r-0", "one");
        if (decoding && streamed) client->read_until("one");
        client->close(reset);
        ASSERT_TRUE(engine_.wait_for_cancelled(expected));
      }
    }
  }
  EXPECT_EQ(engine_.live(), 0u);
  EXPECT_TRUE(eventually([&] { return bridge_.live_requests() == 0; }));
}

TEST_P(HttpServerTest, NoticesTheEndBehindPipelinedBytesThatItDoesNotRead) {
  start();
  const auto client = connect();
  // More than the session reads ahead, less than the kernel's buffer, behind which no end could be
  // seen.
  client->send(post("/generate", "", "X-Request-Id: r\r\n"));
  ASSERT_TRUE(engine_.wait_for_submitted(1));
  client->send(std::string(96 << 10, 'x'));
  client->close();
  EXPECT_TRUE(engine_.wait_for_cancelled(1));
}

TEST_P(HttpServerTest, SlowReaderIsCutAndItsRequestCancelled) {
  start({.max_pending_bytes = 100 << 10});
  const auto client = connect(4096);
  client->send(kStreamCall);
  ASSERT_TRUE(engine_.wait_for_submitted(1));
  const std::string text(256 << 10, 'x');
  // The kernel takes some megabytes before the server notices.
  for (int i = 0; i < 400 && engine_.cancelled().empty(); ++i) {
    engine_.emit("r-0", text);
    std::this_thread::sleep_for(milliseconds(5));
  }
  EXPECT_TRUE(engine_.wait_for_cancelled(1));
  EXPECT_EQ(engine_.live(), 0u);
}

TEST_P(HttpServerTest, ClientThatTakesNoByteOfAWholeAnswerIsCut) {
  start({.write_timeout = milliseconds(300)});
  const auto client = connect(4096);
  client->send(post("/generate", "", "X-Request-Id: r\r\nConnection: close\r\n"));
  ASSERT_TRUE(engine_.wait_for_submitted(1));
  engine_.emit("r-0", std::string(32 << 20, 'x'), true);
  std::this_thread::sleep_for(milliseconds(1500));
  EXPECT_LT(client->read_all().size(), size_t{32} << 20);
}

TEST_P(HttpServerTest, SlowHeadsAndBodiesGet408) {
  start({.header_timeout = milliseconds(200), .body_timeout = milliseconds(200)});
  const auto head = connect();
  head->send("GET /op");
  EXPECT_THAT(head->read_all(), StartsWith("HTTP/1.1 408 "));
  const auto body = connect();
  body->send("POST /echo/a HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc");
  EXPECT_THAT(body->read_all(), StartsWith("HTTP/1.1 408 "));
  const auto silent = connect();
  EXPECT_THAT(silent->read_all(), IsEmpty());
}

TEST_P(HttpServerTest, OversizedBodyIsAnsweredWhileTheClientStillSends) {
  start({.max_body_bytes = 1 << 20});
  const auto client = connect();
  client->send("POST /echo/a HTTP/1.1\r\nHost: h\r\nContent-Length: 2000000\r\n\r\n" +
               std::string(200 << 10, 'x'));
  EXPECT_THAT(client->read_all(), StartsWith("HTTP/1.1 413 "));
  const auto chunked = connect();
  chunked->send("POST /echo/a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
  const std::string chunk = "10000\r\n" + std::string(64 << 10, 'x') + "\r\n";
  for (int i = 0; i < 17; ++i) chunked->send(chunk);
  EXPECT_THAT(chunked->read_all(), StartsWith("HTTP/1.1 413 "));
}

TEST_P(HttpServerTest, FullQueueIsAnsweredWithRetryAfter) {
  start();
  engine_.accept_only(0);
  const auto client = connect();
  client->send(kStreamCall);
  const std::string answer = client->read_answer();
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 429 "));
  EXPECT_THAT(answer, HasSubstr("\r\nRetry-After: 1\r\n"));
}

TEST_P(HttpServerTest, StopLetsRunningAnswersFinishAndRefusesNewOnes) {
  start();
  const auto streaming = connect(), idle = connect();
  idle->send(kOpenCall);
  idle->read_answer();
  streaming->send(kStreamCall);
  ASSERT_TRUE(engine_.wait_for_submitted(1));
  engine_.emit("r-0", "one");
  streaming->read_until("one");
  int aborted = -1;
  std::thread stopping([&] { aborted = server_->stop(SteadyClock().now() + seconds(20)); });
  ASSERT_TRUE(engine_.wait_for_drain());
  EXPECT_FALSE(TestClient(server_->port()).connected());
  EXPECT_THAT(idle->read_all(), IsEmpty());  // closed
  engine_.emit("r-0", "two", true);
  EXPECT_THAT(streaming->read_all(), HasSubstr("data: two\n\ndata: [DONE]"));
  stopping.join();
  EXPECT_EQ(aborted, 0);
}

TEST_P(HttpServerTest, StopCutsWhatIsLeftAtTheDeadline) {
  start({.io_threads = 2});
  const auto streaming = connect(), half = connect();
  half->send("POST /echo/a HTTP/1.1\r\n");
  streaming->send(kStreamCall);
  ASSERT_TRUE(engine_.wait_for_submitted(1));
  engine_.emit("r-0", "one");
  streaming->read_until("one");
  EXPECT_EQ(server_->stop(SteadyClock().now() + milliseconds(100)), 1);
  EXPECT_EQ(server_->stop(SteadyClock().now()), 0);
  EXPECT_THAT(streaming->read_all(), HasSubstr("[DONE]"));
  EXPECT_THAT(half->read_all(), IsEmpty());
  EXPECT_EQ(bridge_.live_requests(), 0u);
}

TEST_P(HttpServerTest, LoadsBehindAnOpenPort) {
  start({}, false);
  const auto client = connect();
  client->send(kOpenCall + kStreamCall);
  EXPECT_THAT(client->read_answer(), StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(client->read_answer(), StartsWith("HTTP/1.1 503 "));
  server_->attach(engine_, ServedModel{});
  client->send(kStreamCall);
  EXPECT_TRUE(engine_.wait_for_submitted(1));
}

TEST_P(HttpServerTest, ConnectionsAboveTheLimitAreToldSo) {
  start({.max_connections = 2});
  const auto first = connect(), second = connect();
  first->send(kOpenCall);
  first->read_answer();
  second->send(kOpenCall);
  second->read_answer();
  const auto third = connect();
  third->send(kStreamCall);
  EXPECT_THAT(third->read_all(), StartsWith("HTTP/1.1 503 "));
  const auto health = connect();
  health->send(kOpenCall);
  EXPECT_THAT(health->read_all(), StartsWith("HTTP/1.1 200 "));
  first->close();
  EXPECT_TRUE(eventually([&] {
    const auto again = connect();
    again->send(post("/echo/a", "x"));
    return again->read_answer().starts_with("HTTP/1.1 200 ");
  }));
}

TEST_P(HttpServerTest, FiveHundredStreamsEachGetTheirOwnText) {
  constexpr int kStreams = 500, kSteps = 10;
  start({.io_threads = 2});
  std::vector<std::unique_ptr<TestClient>> clients;
  for (int i = 0; i < kStreams; ++i) {
    clients.push_back(connect());
    clients.back()->send(
        post("/generate", "stream", "X-Request-Id: c" + std::to_string(i) + "\r\n"));
  }
  ASSERT_TRUE(engine_.wait_for_submitted(kStreams));
  for (int step = 0; step < kSteps; ++step) {
    std::vector<RequestOutput> outputs;
    for (int i = 0; i < kStreams; ++i) {
      const std::string id = "c" + std::to_string(i);
      outputs.push_back(
          FakeEngine::output(id + "-0", id + "." + std::to_string(step), step + 1 == kSteps));
    }
    engine_.emit(std::move(outputs));
  }
  for (int i = 0; i < kStreams; ++i) {
    const std::string answer = clients[static_cast<size_t>(i)]->read_until("0\r\n\r\n");
    for (int step = 0; step < kSteps; ++step) {
      ASSERT_THAT(answer,
                  HasSubstr("data: c" + std::to_string(i) + "." + std::to_string(step) + "\n\n"));
    }
    ASSERT_THAT(answer, HasSubstr("data: [DONE]\n\n"));
  }
  EXPECT_EQ(bridge_.live_requests(), 0u);
}

TEST(HttpServerTls, PlainTextClientsAndSilentOnesDoNotHoldTheServer) {
  const std::string certificate = testing::TempDir() + "trivet_tls_test.crt";
  const std::string key = testing::TempDir() + "trivet_tls_test.key";
  ASSERT_TRUE(write_self_signed(certificate, key));
  Metrics metrics({.model_name = "m", .max_model_len = 100});
  EngineBridge bridge;
  ServerOptions options{.port = 0, .tls_certificate_file = certificate, .tls_key_file = key};
  options.header_timeout = milliseconds(200);
  auto server = create_http_server(options, fake_routes(), bridge, metrics, nullptr).value();
  ASSERT_TRUE(server->start().ok());
  TestClient plain(server->port()), silent(server->port());
  plain.send(kOpenCall);
  EXPECT_THAT(plain.read_all(), testing::Not(HasSubstr("200 OK")));
  EXPECT_THAT(silent.read_all(), IsEmpty());
  TestClient good(server->port());
  ASSERT_TRUE(good.start_tls());
  good.send(kOpenCall);
  EXPECT_THAT(good.read_answer(), StartsWith("HTTP/1.1 200 "));
}

TEST(HttpServerOptions, WrongOnesAreNamed) {
  Metrics metrics({.model_name = "m", .max_model_len = 100});
  EngineBridge bridge;
  const auto message = [&](const ServerOptions& options) {
    auto server = create_http_server(options, fake_routes(), bridge, metrics, nullptr);
    if (!server.ok()) return server.error().message();
    const auto started = server.value()->start();
    return started.ok() ? std::string() : started.error().message();
  };
  EXPECT_THAT(message({.host = "nowhere", .port = 0}), HasSubstr("\"nowhere\""));
  EXPECT_THAT(message({.tls_certificate_file = "/dev/null/a"}), HasSubstr("both"));
  EXPECT_THAT(message({.tls_certificate_file = "/dev/null/a", .tls_key_file = "/dev/null/b"}),
              HasSubstr("/dev/null/a"));
  EXPECT_THAT(message({.cors_origins = {"a\r\nb"}}), HasSubstr("CORS"));
  EXPECT_THAT(message({.io_threads = 0}), HasSubstr("io_threads is 0"));
  EXPECT_THAT(message({.idle_timeout = Duration::zero()}), HasSubstr("time limit"));
  auto first = create_http_server({.port = 0}, fake_routes(), bridge, metrics, nullptr).value();
  ASSERT_TRUE(first->start().ok());
  EXPECT_THAT(message({.port = first->port()}), HasSubstr(":" + std::to_string(first->port())));
}

TEST(HttpServerRoutes, RealTableServesHealthMetricsAndRefusesWhileLoading) {
  Metrics metrics({.model_name = "m", .max_model_len = 100});
  EngineBridge bridge;
  FakeEngine engine(bridge);
  ServerOptions options{.port = 0, .api_keys = {{"team", "sk-1"}}};
  auto server = HttpServer::create(options, bridge, metrics, nullptr).value();
  ASSERT_TRUE(server->start().ok());
  TestClient client(server->port());
  const auto answer = [&](const std::string& path, const std::string& fields = "") {
    client.send("GET " + path + " HTTP/1.1\r\nHost: h\r\n" + fields + "\r\n");
    return client.read_answer();
  };
  const std::string key = "Authorization: Bearer sk-1\r\n";
  EXPECT_THAT(answer("/health"), StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(answer("/ping"), StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(answer("/version"), HasSubstr("\"version\""));
  EXPECT_THAT(answer("/ready"), StartsWith("HTTP/1.1 503 "));
  EXPECT_THAT(answer("/v1/models", key), StartsWith("HTTP/1.1 503 "));
  for (const char* path : {"/metrics", "/v1/models", "/v1/models/a/b", "/nowhere"}) {
    EXPECT_THAT(answer(path), StartsWith("HTTP/1.1 401 ")) << path;
  }
  const std::string text = answer("/metrics", key);
  EXPECT_THAT(text, HasSubstr("\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
  EXPECT_THAT(
      text, HasSubstr("http_requests_total{handler=\"/health\",method=\"GET\",status=\"2xx\"} 1"));
  ServedModel model;
  model.names = {"team/tiny"};
  server->attach(engine, model);
  EXPECT_THAT(answer("/ready"), StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(answer("/v1/models", key), HasSubstr("\"team/tiny\""));
  EXPECT_THAT(answer("/v1/models/team%2Ftiny", key), HasSubstr("\"team/tiny\""));
  EXPECT_THAT(answer("/v1/models/team/tiny", key), HasSubstr("\"team/tiny\""));
  EXPECT_THAT(answer("/v1/models/other", key), StartsWith("HTTP/1.1 404 "));
  client.send(post("/v1/completions", "{not json", key));
  EXPECT_THAT(client.read_answer(), StartsWith("HTTP/1.1 400 "));
  engine.set_stats({.running = 1});
}

}  // namespace
}  // namespace trivet
