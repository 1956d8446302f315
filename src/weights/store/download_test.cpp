#include "weights/store/download.h"

#include <gmock/gmock.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "weights/digest.h"
#include "weights/store/http_test_server.h"

namespace trivet {
namespace {

using testing::HasSubstr;
using namespace testing_http;

std::string read_whole(const std::string& path) {
  std::ostringstream content;
  content << std::ifstream(path, std::ios::binary).rdbuf();
  return content.str();
}

class DownloadTest : public testing::Test {
 protected:
  void SetUp() override {
    ::setenv("no_proxy", "127.0.0.1,localhost", 1);
    folder_ = testing::TempDir() + "download_" + std::to_string(::getpid());
    std::filesystem::create_directories(folder_);
    for (int i = 0; i < 300'000; ++i) content_ += static_cast<char>((i * 31) >> 4);
    options_.first_pause_ms = 1;
    options_.max_attempts = 3;
    request_.path = folder_ + "/file";
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  Result<DownloadedFile> fetch(const std::string& url) {
    request_.url = url;
    HttpClient client({});
    PullReport report(observer_, 0);
    return download(client, request_, options_, report);
  }
  std::string partial() { return read_whole(folder_ + "/file.partial"); }

  std::string folder_, content_, server_other_;
  StoreOptions options_;
  DownloadRequest request_;
  PullObserver observer_;
};

TEST_F(DownloadTest, FetchesAWholeFile) {
  Server server([&](const Request& request) { return serve_bytes(request, content_); });
  const auto got = fetch(server.url() + "/f");
  ASSERT_TRUE(got.ok()) << got.error().message();
  EXPECT_EQ(read_whole(request_.path), content_);
  EXPECT_EQ(got->bytes, content_.size());
  EXPECT_EQ(got->sha256, sha256_hex(content_));
  EXPECT_FALSE(std::filesystem::exists(folder_ + "/file.partial"));
}

TEST_F(DownloadTest, GoesOnWhereABrokenTransferStopped) {
  std::atomic<int> broken = 0;
  Server server([&](const Request& request) {
    Reply reply = serve_bytes(request, content_);
    reply.headers["ETag"] = "\"v1\"";
    if (broken++ < 5) reply.cut_after = 40'000;  // more often than attempts, but each gets further
    return reply;
  });
  const auto got = fetch(server.url() + "/f");
  ASSERT_TRUE(got.ok()) << got.error().message();
  EXPECT_EQ(read_whole(request_.path), content_);
  const auto requests = server.requests();
  ASSERT_EQ(requests.size(), 6u);
  EXPECT_EQ(requests[0].header("range"), "");
  EXPECT_EQ(requests[1].header("range"), "bytes=40000-");
  EXPECT_EQ(requests[1].header("if-range"), "\"v1\"");
}

TEST_F(DownloadTest, StartsOverWhereTheServerIgnoresRanges) {
  std::ofstream(folder_ + "/file.partial") << "something else";
  Server server([&](const Request&) { return Reply{200, {}, content_, std::string::npos}; });
  ASSERT_TRUE(fetch(server.url() + "/f").ok());
  EXPECT_EQ(read_whole(request_.path), content_);
}

TEST_F(DownloadTest, StartsOverWhereTheRangeIsRefused) {
  std::ofstream(folder_ + "/file.partial") << content_ << "too much";
  Server server([&](const Request& request) { return serve_bytes(request, content_); });
  ASSERT_TRUE(fetch(server.url() + "/f").ok());
  EXPECT_EQ(read_whole(request_.path), content_);
}

TEST_F(DownloadTest, RefusesAndDeletesWhatFailsTheChecksum) {
  Server server([&](const Request& request) { return serve_bytes(request, content_); });
  request_.sha256 = std::string(64, 'a');
  const auto got = fetch(server.url() + "/f");
  ASSERT_FALSE(got.ok());
  EXPECT_EQ(got.error().code(), ErrorCode::kDataLoss);
  EXPECT_THAT(got.error().message(), HasSubstr("its sha256 is " + sha256_hex(content_)));
  EXPECT_FALSE(std::filesystem::exists(request_.path));
  EXPECT_FALSE(std::filesystem::exists(folder_ + "/file.partial"));
}

TEST_F(DownloadTest, ChecksGitIdsOfFilesInTheRepository) {
  content_ = "hello\n";
  Server server([&](const Request& request) { return serve_bytes(request, content_); });
  request_.git_blob_id = "ce013625030ba8dba906f756967f9e9ca394464a";  // git hash-object
  EXPECT_TRUE(fetch(server.url() + "/f").ok());
  std::filesystem::remove(request_.path);
  content_ = "hullo\n";
  EXPECT_THAT(fetch(server.url() + "/f").error().message(), HasSubstr("its git id is"));
}

TEST_F(DownloadTest, TakesTheChecksumOfTheRedirect) {
  Server server([&](const Request& request) {
    if (request.target == "/storage") return serve_bytes(request, content_);
    return Reply{302,
                 {{"Location", "/storage"}, {"X-Linked-Etag", "\"" + std::string(64, 'b') + "\""}},
                 "",
                 std::string::npos};
  });
  EXPECT_THAT(fetch(server.url() + "/f").error().message(), HasSubstr("not bbbbbbbb"));
}

TEST_F(DownloadTest, SendsTheTokenToItsOriginOnly) {
  Server server([&](const Request& request) {
    if (request.target == "/elsewhere") return serve_bytes(request, content_);
    if (request.target == "/same") {
      return Reply{302, {{"Location", server_other_ + "/elsewhere"}}, "", std::string::npos};
    }
    return Reply{307, {{"Location", "same"}}, "", std::string::npos};
  });
  server_other_ = server.other_url();
  request_.bearer_token = "secret";
  const auto got = fetch(server.url() + "/first");
  ASSERT_TRUE(got.ok()) << got.error().message();
  const auto requests = server.requests();
  ASSERT_EQ(requests.size(), 3u);
  EXPECT_EQ(requests[0].header("authorization"), "Bearer secret");
  EXPECT_EQ(requests[1].header("authorization"), "Bearer secret");
  EXPECT_EQ(requests[2].header("authorization"), "");
}

TEST_F(DownloadTest, SaysWhatEachStatusMeans) {
  int status = 401;
  Server server([&](const Request&) {
    return Reply{status, {{"X-Error-Message", "Repo is gated"}}, "body", std::string::npos};
  });
  auto got = fetch(server.url() + "/f?signature=secret");
  EXPECT_EQ(got.error().code(), ErrorCode::kUnauthenticated);
  EXPECT_THAT(got.error().message(), HasSubstr("HF_TOKEN"));
  EXPECT_THAT(got.error().message(), HasSubstr("Repo is gated"));
  EXPECT_THAT(got.error().message(), testing::Not(HasSubstr("secret")));
  status = 403;
  EXPECT_EQ(fetch(server.url() + "/f").error().code(), ErrorCode::kPermissionDenied);
  status = 404;
  EXPECT_EQ(fetch(server.url() + "/f").error().code(), ErrorCode::kNotFound);
  EXPECT_EQ(server.requests().size(), 3u);  // none of them is tried again
  status = 503;
  EXPECT_THAT(fetch(server.url() + "/f").error().message(), HasSubstr("gave up after 3 attempts"));
}

TEST_F(DownloadTest, GivesUpOnRedirectLoops) {
  Server server(
      [&](const Request&) { return Reply{302, {{"Location", "/f"}}, "", std::string::npos}; });
  EXPECT_THAT(fetch(server.url() + "/f").error().message(), HasSubstr("redirects too often"));
}

TEST_F(DownloadTest, RedirectsToHttpOnly) {
  Server server([&](const Request&) {
    return Reply{302, {{"Location", "file:///etc/passwd"}}, "", std::string::npos};
  });
  EXPECT_FALSE(fetch(server.url() + "/f").ok());
  EXPECT_FALSE(std::filesystem::exists(request_.path));
}

TEST_F(DownloadTest, RefusesMoreBytesThanPromised) {
  request_.bytes = 1000;
  Server server([&](const Request& request) { return serve_bytes(request, content_); });
  EXPECT_THAT(fetch(server.url() + "/f").error().message(), HasSubstr("not the 1000 expected"));
}

TEST_F(DownloadTest, StopsWhenToldAndGoesOnLater) {
  Server server([&](const Request& request) { return serve_bytes(request, content_); });
  observer_ = [](const PullProgress& progress) { return progress.done_bytes < 50'000; };
  EXPECT_EQ(fetch(server.url() + "/f").error().code(), ErrorCode::kCancelled);
  const size_t kept = partial().size();
  EXPECT_GE(kept, 50'000u);
  EXPECT_EQ(partial(), content_.substr(0, kept));
  observer_ = {};
  ASSERT_TRUE(fetch(server.url() + "/f").ok());
  EXPECT_EQ(server.requests().back().header("range"), "bytes=" + std::to_string(kept) + "-");
  EXPECT_EQ(read_whole(request_.path), content_);
}

TEST_F(DownloadTest, SaysWhichHostAndPortCannotBeReached) {
  options_.max_attempts = 1;
  const auto got = fetch("http://127.0.0.1:1/f?signature=secret");
  EXPECT_EQ(got.error().code(), ErrorCode::kUnavailable);
  EXPECT_THAT(got.error().message(), HasSubstr("http://127.0.0.1:1/f: "));
  EXPECT_THAT(got.error().message(), HasSubstr("check the address, the network and the proxy"));
}

TEST_F(DownloadTest, DoesNotFetchAgainWhatIsThere) {
  std::ofstream(request_.path) << content_;
  request_.sha256 = sha256_hex(content_);
  EXPECT_TRUE(fetch("http://127.0.0.1:1/unreachable").ok());
}

TEST_F(DownloadTest, StopsWhileNothingComes) {
  Server server([&](const Request& request) {
    std::this_thread::sleep_for(std::chrono::seconds(2));
    return serve_bytes(request, content_);
  });
  observer_ = [](const PullProgress&) { return false; };
  const auto began = std::chrono::steady_clock::now();
  const auto got = fetch(server.url() + "/f");
  ASSERT_FALSE(got.ok());
  EXPECT_EQ(got.error().code(), ErrorCode::kCancelled);
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(2));
}

TEST_F(DownloadTest, StopsBetweenTwoAttempts) {
  std::atomic<bool> answered = false;
  Server server([&](const Request&) {
    answered = true;
    return Reply{503, {}, "", std::string::npos};
  });
  options_.first_pause_ms = 60'000;
  observer_ = [&](const PullProgress&) { return !answered; };
  EXPECT_EQ(fetch(server.url() + "/f").error().code(), ErrorCode::kCancelled);
}

}  // namespace
}  // namespace trivet
