#include "server/http/parser.h"

#include <gtest/gtest.h>

namespace trivet {
namespace {

using Stage = HttpRequestParser::Stage;

// Offers the bytes in pieces of `step`, as a socket would.
Stage feed(HttpRequestParser& parser, std::string_view bytes, size_t step = 1 << 20) {
  std::string input;
  while (parser.stage() != Stage::kDone && parser.stage() != Stage::kFailed) {
    const size_t used = parser.consume(input);
    input.erase(0, used);
    if (used != 0 || parser.stage() == Stage::kDone || parser.stage() == Stage::kFailed) continue;
    if (bytes.empty()) break;
    input += bytes.substr(0, step);
    bytes.remove_prefix(std::min(step, bytes.size()));
  }
  return parser.stage();
}

int refusal(std::string_view bytes, HttpRequestParser::Limits limits = {}) {
  HttpRequestParser parser(limits);
  return feed(parser, bytes) == Stage::kFailed ? parser.failure().status : 0;
}

TEST(HttpRequestParser, GivesTheSameRequestHoweverTheBytesAreSplit) {
  const std::string bytes =
      "POST http://h/v1/x%20y?a=b&c HTTP/1.1\r\nHost: h\r\nX-Request-ID: r-1\r\nContent-Length: "
      "5\r\n\r\nhello";
  for (const size_t step : {size_t{1}, size_t{2}, size_t{7}, bytes.size()}) {
    HttpRequestParser parser({});
    ASSERT_EQ(feed(parser, bytes, step), Stage::kDone) << step;
    EXPECT_EQ(parser.head().method, "POST");
    EXPECT_EQ(parser.head().path, "/v1/x%20y");
    EXPECT_EQ(parser.head().query, "a=b&c");
    EXPECT_EQ(*parser.head().find("x-request-id"), "r-1");
    EXPECT_TRUE(parser.head().keep_alive);
    EXPECT_EQ(parser.take_body(), "hello");
  }
}

TEST(HttpRequestParser, JoinsChunksAndIgnoresExtensionsAndTrailers) {
  const std::string bytes =
      "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: Chunked\r\n\r\n"
      "3;a=b\r\nabc\r\n2\r\nde\r\n0\r\nX-Trailer: t\r\n\r\n";
  for (const size_t step : {size_t{1}, bytes.size()}) {
    HttpRequestParser parser({});
    ASSERT_EQ(feed(parser, bytes, step), Stage::kDone) << step;
    EXPECT_TRUE(parser.head().has_body);
    EXPECT_EQ(parser.take_body(), "abcde");
  }
}

TEST(HttpRequestParser, LeavesTheNextPipelinedRequestAlone) {
  const std::string first = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nab";
  const std::string both = first + "GET /b HTTP/1.1\r\nHost: h\r\n\r\n";
  HttpRequestParser parser({});
  size_t used = parser.consume(both);
  ASSERT_EQ(parser.stage(), Stage::kBody);
  used += parser.consume(std::string_view(both).substr(used));
  ASSERT_EQ(parser.stage(), Stage::kDone);
  EXPECT_EQ(used, first.size());
  parser.reset();
  parser.consume(std::string_view(both).substr(used));
  EXPECT_EQ(parser.stage(), Stage::kDone);
  EXPECT_EQ(parser.head().path, "/b");
}

TEST(HttpRequestParser, RefusesEveryWayToSmuggleARequest) {
  const std::string start = "POST / HTTP/1.1\r\nHost: h\r\n";
  EXPECT_EQ(refusal(start + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
            400);
  EXPECT_EQ(refusal(start + "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n"),
            400);
  EXPECT_EQ(refusal(start + "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd"), 400);
  EXPECT_EQ(refusal(start + "Content-Length: +3\r\n\r\nabc"), 400);
  EXPECT_EQ(refusal(start + "Content-Length: -1\r\n\r\n"), 400);
  EXPECT_EQ(refusal(start + "Content-Length: 99999999999999999999\r\n\r\n"), 400);
  EXPECT_EQ(refusal(start + "Transfer-Encoding: gzip\r\n\r\n"), 400);
  EXPECT_EQ(refusal(start + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"), 400);
  EXPECT_EQ(refusal(start + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"), 400);
  EXPECT_EQ(
      refusal(start + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
      400);
  EXPECT_EQ(refusal("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), 400);
  EXPECT_EQ(refusal(start + "Bad Name: x\r\n\r\n"), 400);
  EXPECT_EQ(refusal(start + "Host: other\r\n\r\n"), 400);
  EXPECT_EQ(refusal("GET / HTTP/1.1\r\n\r\n"), 400);
  EXPECT_EQ(refusal(start + "Transfer-Encoding: chunked\r\n\r\nzz\r\n"), 400);
}

TEST(HttpRequestParser, BoundsHeadBodyAndFraming) {
  const HttpRequestParser::Limits limits{.head_bytes = 1024, .body_bytes = 100};
  const std::string start = "POST / HTTP/1.1\r\nHost: h\r\n";
  EXPECT_EQ(refusal("GET /" + std::string(5000, 'a'), limits), 431);
  EXPECT_EQ(refusal(start + "X: " + std::string(5000, 'a'), limits), 431);
  EXPECT_EQ(refusal(start + "Content-Length: 101\r\n\r\n" + std::string(101, 'b'), limits), 413);
  EXPECT_EQ(
      refusal(start + "Transfer-Encoding: chunked\r\n\r\n65\r\n" + std::string(101, 'b'), limits),
      413);
  std::string tiny_chunks = start + "Transfer-Encoding: chunked\r\n\r\n";
  for (int i = 0; i < 90; ++i) tiny_chunks += "1;" + std::string(100, 'e') + "\r\nx\r\n";
  EXPECT_EQ(refusal(tiny_chunks, limits), 413);
  EXPECT_EQ(
      refusal(start + "Transfer-Encoding: chunked\r\n\r\n1;" + std::string(5000, 'e'), limits),
      400);
  EXPECT_EQ(refusal(start + "Content-Length: 100\r\n\r\n" + std::string(100, 'b'), limits), 0);
}

TEST(HttpRequestParser, RefusesOtherVersionsAndGarbage) {
  EXPECT_EQ(refusal("GET / HTTP/2.0\r\nHost: h\r\n\r\n"), 505);
  EXPECT_EQ(refusal("GET / HTTP/0.9\r\n\r\n"), 505);
  EXPECT_EQ(refusal("\x16\x03\x01\x02\x00\x01\x00 \r\n\r\n"), 400);
  EXPECT_EQ(refusal("GET\r\n\r\n"), 400);
  EXPECT_EQ(refusal("GET / HTTP/1.1\r\nHost: a\0b\r\n\r\n"), 0);
}

TEST(HttpRequestParser, KnowsWhetherTheConnectionStays) {
  const auto keeps = [](const std::string& bytes) {
    HttpRequestParser parser({});
    EXPECT_EQ(feed(parser, bytes), Stage::kDone);
    return parser.head().keep_alive;
  };
  EXPECT_TRUE(keeps("GET / HTTP/1.1\r\nHost: h\r\n\r\n"));
  EXPECT_FALSE(keeps("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"));
  EXPECT_FALSE(keeps("GET / HTTP/1.0\r\n\r\n"));
  EXPECT_TRUE(keeps("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"));
}

}  // namespace
}  // namespace trivet
