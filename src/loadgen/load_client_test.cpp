#include "loadgen/load_client.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>
#include <set>

#include "loadgen/testing/scripted_server.h"

namespace trivet {
namespace {

using testing::HasSubstr;

void pause_ms(int milliseconds) {
  std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
}

std::string text_event(const std::string& text) {
  return "data: {\"choices\":[{\"index\":0,\"text\":\"" + text + "\",\"finish_reason\":null}]}\n\n";
}

constexpr const char* kEnd =
    "data: {\"choices\":[{\"text\":\"\",\"finish_reason\":\"length\"}]}\n\n"
    "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":6,"
    "\"prompt_tokens_details\":{\"cached_tokens\":4}}}\n\n"
    "data: [DONE]\n\n";

LoadSettings settings_for(const ScriptedServer& server) {
  LoadSettings settings;
  settings.url = server.url();
  settings.model = "m";
  settings.num_requests = 1;
  settings.concurrency = 1;
  return settings;
}

TEST(LoadClient, NotesTheFirstTokenTheGapsAndWhatTheServerCounts) {
  ScriptedServer server([](const std::string&, const std::string&, auto send) {
    pause_ms(60);
    send(ScriptedServer::event_head() + ": comment\n\n" + text_event("a"));
    pause_ms(40);
    send(text_event("b"));
    send(kEnd);
  });
  const auto run = run_load(settings_for(server));
  ASSERT_TRUE(run.ok()) << run.error().message();
  ASSERT_EQ(run->requests.size(), 1u);
  const RequestRecord& record = run->requests[0];
  EXPECT_EQ(record.failure, "");
  EXPECT_GE(record.ttft(), 0.055);
  ASSERT_EQ(record.gaps.size(), 1u);
  EXPECT_GE(record.gaps[0], 0.035f);
  EXPECT_EQ(record.prompt_tokens, 9);
  EXPECT_EQ(record.cached_tokens, 4);
  EXPECT_EQ(record.output_tokens, 6);
  EXPECT_NEAR(record.tpot(), record.gaps[0] / 5, 1e-3);
}

TEST(LoadClient, SaysWhyARequestFailed) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"HTTP/1.1 503 Busy\r\nContent-Length: 4\r\nConnection: close\r\n\r\nfull", "HTTP 503: full"},
      {ScriptedServer::event_head() + text_event("a"), "without a finish reason"},
      {ScriptedServer::event_head() + "data: {oops\n\n" + kEnd, "not JSON"},
      {ScriptedServer::event_head() + "data: {\"error\":{\"message\":\"no\"}}\n\n",
       "error in the stream"},
      {ScriptedServer::event_head() + kEnd, "holds no text"},
      {"", ""},  // whatever curl says
  };
  for (const auto& [answer, reason] : cases) {
    ScriptedServer server([&](const std::string&, const std::string&, auto send) { send(answer); });
    const auto run = run_load(settings_for(server));
    ASSERT_TRUE(run.ok());
    EXPECT_FALSE(run->requests.at(0).ok());
    EXPECT_THAT(run->requests.at(0).failure, HasSubstr(reason));
  }
}

TEST(LoadClient, KeepsAsManyRequestsInFlightAsAskedFor) {
  ScriptedServer server([](const std::string&, const std::string&, auto send) {
    pause_ms(20);
    send(ScriptedServer::event_head() + text_event("a") + kEnd);
  });
  LoadSettings settings = settings_for(server);
  settings.num_requests = 24;
  settings.concurrency = 6;
  int reported = 0;
  const auto run = run_load(settings, [&](int done, int total) {
    EXPECT_EQ(total, 24);
    reported = done;
  });
  ASSERT_TRUE(run.ok());
  EXPECT_EQ(reported, 24);
  EXPECT_EQ(server.most_at_once(), 6);
  for (size_t i = 0; i < run->requests.size(); ++i) EXPECT_EQ(run->requests[i].index, i);
}

TEST(LoadClient, CountsWaitingForAFreeSlotAsTimeToTheFirstTokenInAnOpenLoop) {
  ScriptedServer server([](const std::string&, const std::string&, auto send) {
    pause_ms(50);
    send(ScriptedServer::event_head() + text_event("a") + kEnd);
  });
  LoadSettings settings = settings_for(server);
  settings.num_requests = 6;
  settings.rate = 1000;  // all at once, one slot
  const auto run = run_load(settings);
  ASSERT_TRUE(run.ok());
  EXPECT_GE(run->requests.back().ttft(), 5 * 0.050);
}

TEST(LoadClient, SendsTheSamePromptsAndTheExtraFieldsToEveryServer) {
  std::mutex mutex;
  std::multiset<std::string> prompts[2];
  for (auto& seen : prompts) {
    ScriptedServer server([&](const std::string& path, const std::string& body, auto send) {
      const auto request = nlohmann::json::parse(body);
      EXPECT_EQ(path, "/v1/chat/completions");
      EXPECT_EQ(request["top_k"], 3);
      EXPECT_EQ(request["stream"], true);
      {
        std::lock_guard lock(mutex);
        seen.insert(request["messages"][0]["content"].get<std::string>());
      }
      send(ScriptedServer::event_head() +
           "data: {\"choices\":[{\"delta\":{\"content\":\"x\"},\"finish_reason\":null}]}\n\n" +
           kEnd);
    });
    LoadSettings settings = settings_for(server);
    settings.chat = true;
    settings.num_requests = 5;
    settings.extra_body = R"({"top_k": 3})";
    const auto run = run_load(settings);
    ASSERT_TRUE(run.ok());
    for (const RequestRecord& record : run->requests) EXPECT_EQ(record.failure, "");
  }
  EXPECT_EQ(prompts[0].size(), 5u);
  EXPECT_EQ(prompts[0], prompts[1]);
}

TEST(LoadClient, RefusesSettingsThatMakeNoSenseAndServersThatAreNotThere) {
  LoadSettings settings;
  settings.url = "localhost:8000";
  EXPECT_EQ(run_load(settings).error().code(), ErrorCode::kInvalidArgument);
  settings.url = "http://127.0.0.1:1";
  EXPECT_EQ(run_load(settings).error().code(), ErrorCode::kUnavailable);
  settings.model = "m";
  settings.extra_body = "[1]";
  EXPECT_EQ(run_load(settings).error().code(), ErrorCode::kInvalidArgument);
  settings.extra_body = "";
  settings.workload.shared_words = settings.workload.prompt_words + 1;
  EXPECT_EQ(run_load(settings).error().code(), ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace trivet
