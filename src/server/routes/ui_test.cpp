#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/fakes/fake_transport.h"
#include "server/page_files.h"
#include "server/route.h"

namespace trivet {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

HttpResponse answer_of(const SessionWorld& world, std::string_view path) {
  const RouteMatch match = match_route(all_routes(), "GET", path);
  if (match.route == nullptr) return error_response(404, "", "no route");
  const CallContext context;
  const Answer answer = match.route->answer({.server = world.state,
                                             .model = nullptr,
                                             .body = {},
                                             .path_parameter = match.path_parameter,
                                             .context = context});
  return std::get<HttpResponse>(answer);
}

std::string field(const HttpResponse& response, std::string_view name) {
  for (const auto& [key, value] : response.fields) {
    if (key == name) return value;
  }
  return "";
}

TEST(Page, IsThereWhileTheModelLoadsAndNeedsNoKey) {
  const RouteMatch match = match_route(all_routes(), "GET", "/");
  ASSERT_NE(match.route, nullptr);
  EXPECT_TRUE(match.route->is_open);
  EXPECT_FALSE(match.route->needs_model);
}

TEST(Page, IsCompressedHtmlThatRunsOnlyItsOwnScripts) {
  const SessionWorld world;
  const HttpResponse page = answer_of(world, "/");
  EXPECT_EQ(page.status, 200);
  EXPECT_EQ(page.content_type, "text/html; charset=utf-8");
  EXPECT_THAT(page.body, StartsWith("\x1f\x8b"));
  EXPECT_EQ(field(page, "Content-Encoding"), "gzip");
  EXPECT_THAT(field(page, "Content-Security-Policy"), HasSubstr("script-src 'self';"));
  EXPECT_THAT(field(page, "Content-Security-Policy"), Not(HasSubstr("unsafe")));
  EXPECT_THAT(field(page, "Cache-Control"), HasSubstr("no-cache"));
}

TEST(Page, ServesEveryFileUnderItsPathAndNoOther) {
  const SessionWorld world;
  for (const PageFile& file : page_files()) {
    if (file.path.empty()) continue;
    EXPECT_EQ(answer_of(world, "/ui/" + std::string(file.path)).body, file.bytes) << file.path;
  }
  EXPECT_EQ(answer_of(world, "/ui/").status, 404);
  EXPECT_EQ(answer_of(world, "/ui/../etc/passwd").status, 404);
}

TEST(Session, AnswersWhatTheClientHasAlreadyWith304) {
  const auto tagged = [](const RouteCall&) -> Answer {
    HttpResponse response;
    response.body = "content";
    response.fields = {{"ETag", "\"abc\""}};
    return response;
  };
  const Route route = {.method = "GET", .path = "/tagged", .answer = tagged, .is_open = true};
  SessionWorld world({}, true, false, {&route, 1});
  EXPECT_THAT(world.send(get("/tagged")), HasSubstr("\r\n\r\ncontent"));
  EXPECT_THAT(world.send(get("/tagged", "If-None-Match: \"other\"\r\n")), HasSubstr("content"));
  const std::string sent = world.send(get("/tagged", "If-None-Match: \"x\", W/\"abc\"\r\n"));
  EXPECT_THAT(sent, StartsWith("HTTP/1.1 304 Not Modified\r\n"));
  EXPECT_THAT(sent, HasSubstr("ETag: \"abc\"\r\n"));
  EXPECT_THAT(sent, Not(HasSubstr("content")));
}

}  // namespace
}  // namespace trivet
