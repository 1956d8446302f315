#include "server/services/model_pulls.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>

#include "weights/store/http_test_server.h"

namespace trivet {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;
using testing_http::Reply;
using testing_http::Request;

constexpr const char* kSpec = "hf:org/model";
constexpr const char* kEnd = "{\"status\":\"writing manifest\"}\n{\"status\":\"success\"}\n";

// A hub with one GGUF file, which it holds back while the gate is shut.
class ModelPullsTest : public testing::Test {
 protected:
  ModelPullsTest() : server_([this](const Request& request) { return answer(request); }) {
    ::setenv("no_proxy", "127.0.0.1", 1);
    folder_ = testing::TempDir() + "model_pulls_" + std::to_string(::getpid());
    options_.root = folder_;
    options_.hub_endpoint = server_.url();
    options_.first_pause_ms = 1;
  }
  ~ModelPullsTest() override {
    open_ = true;
    std::filesystem::remove_all(folder_);
  }

  Reply answer(const Request& request) {
    Reply reply;
    if (request.target.starts_with("/api/models/")) {
      reply.body = R"({"id":"org/model","siblings":[{"rfilename":"m.gguf","size":100000}]})";
      return reply;
    }
    ++files_asked_;
    while (!open_) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return serve_bytes(request, std::string(100'000, 'x'));
  }
  static std::string all_of(EventLog& log) {
    for (int i = 0; i < 10'000 && !log.ended(); ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    if (const auto response = log.response()) return response->body;
    return log.read(0, 1 << 20).bytes;
  }
  void wait_for_transfer(int count) {
    for (int i = 0; i < 10'000 && files_asked_ < count; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    ASSERT_EQ(files_asked_, count);
  }

  std::atomic<bool> open_ = true;
  std::atomic<int> files_asked_ = 0;
  std::string folder_;
  testing_http::Server server_;
  StoreOptions options_;
};

TEST_F(ModelPullsTest, JoinsThoseWhoAskForTheSame) {
  open_ = false;
  ModelPulls pulls(options_);
  const auto streamed = pulls.start(kSpec, true).value();
  wait_for_transfer(1);
  const auto whole = pulls.start(kSpec, false).value();
  const auto late = pulls.start(kSpec, true).value();
  open_ = true;
  EXPECT_EQ(all_of(*whole), "{\"status\":\"success\"}");
  for (EventLog* log : {streamed.get(), late.get()}) {
    const std::string lines = all_of(*log);
    EXPECT_THAT(lines, StartsWith("{\"status\":\"pulling manifest\"}\n"));
    EXPECT_THAT(lines, HasSubstr("\"status\":\"pulling m.gguf\""));
    EXPECT_THAT(lines, EndsWith(kEnd));
  }
  EXPECT_EQ(files_asked_, 1);
}

TEST_F(ModelPullsTest, GoesOnForThoseWhoStay) {
  open_ = false;
  ModelPulls pulls(options_);
  const auto leaves = pulls.start(kSpec, true).value();
  const auto stays = pulls.start(kSpec, true).value();
  wait_for_transfer(1);
  leaves->cancel();
  open_ = true;
  EXPECT_THAT(all_of(*stays), EndsWith(kEnd));
  EXPECT_EQ(pulls.store().list().size(), 1u);
}

TEST_F(ModelPullsTest, StopsWhenTheLastOneHasLeftAndBeginsAnew) {
  open_ = false;
  ModelPulls pulls(options_);
  const auto only = pulls.start(kSpec, true).value();
  wait_for_transfer(1);
  only->cancel();
  // Whether it has ended by now or not: who asks again gets the model.
  const auto again = pulls.start(kSpec, false).value();
  open_ = true;
  EXPECT_EQ(all_of(*again), "{\"status\":\"success\"}");
}

TEST_F(ModelPullsTest, BoundsHowManyRunAndTellsAllOfThemOfTheEnd) {
  open_ = false;
  ModelPulls pulls(options_);
  const auto first = pulls.start(kSpec, true).value();
  const auto second = pulls.start("hf:org/model/m.gguf", false).value();
  EXPECT_EQ(pulls.start("hf:org/model/third", true).error().code(), ErrorCode::kResourceExhausted);
  wait_for_transfer(1);
  pulls.stop();
  EXPECT_THAT(all_of(*first), EndsWith("shutting down; pull again to go on where it stopped\"}\n"));
  EXPECT_EQ(second->response()->status, 503);
  EXPECT_EQ(pulls.start(kSpec, true).error().code(), ErrorCode::kUnavailable);
}

TEST_F(ModelPullsTest, EndsWithTheErrorInTheFormThatWasAskedFor) {
  ModelPulls pulls(options_);
  const auto streamed = pulls.start("hf:org/model/none", true).value();
  EXPECT_THAT(all_of(*streamed), EndsWith("has no file \\\"none\\\"\"}\n"));
  const auto whole = pulls.start("hf:org/model/none", false).value();
  (void)all_of(*whole);
  EXPECT_EQ(whole->response()->status, 404);
}

}  // namespace
}  // namespace trivet
