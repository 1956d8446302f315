#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "api/call.h"
#include "api/fake_text.h"

namespace trivet {
namespace {

TEST(Render, ChatGivesTheTokensAndParametersOfTheRequest) {
  const FakeModel model;
  const PlainAnswer answer = answer_render_chat(
      R"({"model":"m","messages":[{"role":"user","content":"Hi"}],"max_tokens":5,"temperature":0.5,)"
      R"("seed":9223372036854775807,"stop":["\n"],"stream":true,"cache_salt":"s"})",
      model.served, kContext);
  ASSERT_FALSE(answer.error) << answer.error->message;
  const auto json = nlohmann::json::parse(answer.body);
  EXPECT_EQ(json["request_id"], "chatcmpl-42");
  EXPECT_EQ(json["token_ids"], (std::vector<int>{258, 259}));
  EXPECT_EQ(json["model"], "m");
  EXPECT_EQ(json["stream"], true);
  EXPECT_EQ(json["cache_salt"], "s");
  const auto& params = json["sampling_params"];
  EXPECT_EQ(params["max_tokens"], 5);
  EXPECT_EQ(params["temperature"], 0.5);
  EXPECT_EQ(params["seed"], uint64_t{9223372036854775807u});
  EXPECT_EQ(params["stop"], std::vector<std::string>{"\n"});
  EXPECT_EQ(params["logprobs"], nullptr);
}

TEST(Render, CompletionsGiveOneRequestPerPrompt) {
  const FakeModel model;
  const PlainAnswer answer = answer_render_completion(
      R"({"model":"m","prompt":["Hi"," there"],"max_tokens":3})", model.served, kContext);
  ASSERT_FALSE(answer.error) << answer.error->message;
  const auto json = nlohmann::json::parse(answer.body);
  ASSERT_EQ(json.size(), 2u);
  EXPECT_EQ(json[0]["token_ids"], (std::vector<int>{256, 258}));
  EXPECT_EQ(json[1]["token_ids"], (std::vector<int>{256, 259}));
}

TEST(Render, RefusesWhatGenerationRefuses) {
  const FakeModel model;
  EXPECT_EQ(answer_render_chat(R"({"messages":[]})", model.served, kContext).error->http_status,
            400);
  EXPECT_EQ(answer_render_completion("{", model.served, kContext).error->http_status, 400);
  EXPECT_EQ(answer_render_completion(R"({"model":"x","prompt":"a"})", model.served, kContext)
                .error->http_status,
            404);
}

}  // namespace
}  // namespace trivet
