#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/call.h"
#include "api/fake_text.h"

namespace trivet {
namespace {

TEST(Tokenize, AnswersInTheFormOfTheQuestion) {
  const FakeModel model;
  EXPECT_EQ(answer_tokenize(R"({"model":"m","prompt":"Hi"})", model.served).body,
            R"({"count":2,"max_model_len":100,"tokens":[256,258],"token_strs":null})");
  EXPECT_EQ(
      answer_tokenize(R"({"prompt":"Hi!","add_special_tokens":false,"return_token_strs":true})",
                      model.served)
          .body,
      R"({"count":2,"max_model_len":100,"tokens":[258,33],"token_strs":["Hi","!"]})");
  EXPECT_EQ(answer_tokenize(R"({"messages":[{"role":"user","content":"x"}]})", model.served).body,
            R"({"count":2,"max_model_len":100,"tokens":[258,259],"token_strs":null})");
  EXPECT_EQ(answer_tokenize(R"({"content":"Hi"})", model.served).body, R"({"tokens":[258]})");
  EXPECT_EQ(answer_tokenize(R"({"content":"Hi","add_special":true})", model.served).body,
            R"({"tokens":[256,258]})");
  EXPECT_EQ(answer_tokenize(R"({"content":"ü","with_pieces":true})", model.served).body,
            R"({"tokens":[{"id":195,"piece":[195]},{"id":188,"piece":[188]}]})");
}

TEST(Tokenize, RefusesOtherBodies) {
  const FakeModel model;
  for (const char* body : {"", "[]", "{}", R"({"prompt":3})", R"({"content":[1]})",
                           R"({"prompt":"a","add_special_tokens":1})"}) {
    const auto answer = answer_tokenize(body, model.served);
    ASSERT_TRUE(answer.error) << body;
    EXPECT_EQ(answer.error->http_status, 400) << body;
  }
  EXPECT_EQ(answer_tokenize(R"({"model":"x","prompt":"a"})", model.served).error->http_status, 404);
}

TEST(Detokenize, GivesTheTextOrRefuses) {
  const FakeModel model;
  EXPECT_EQ(answer_detokenize(R"({"tokens":[258,259]})", model.served).body,
            R"({"prompt":"Hi there","content":"Hi there"})");
  EXPECT_EQ(answer_detokenize(R"({"tokens":[]})", model.served).body,
            R"({"prompt":"","content":""})");
  for (const char* body : {"{}", R"({"tokens":[999]})", R"({"tokens":[-1]})", R"({"tokens":"a"})",
                           R"({"tokens":["a"]})"}) {
    const auto answer = answer_detokenize(body, model.served);
    ASSERT_TRUE(answer.error) << body;
    EXPECT_EQ(answer.error->http_status, 400) << body;
    EXPECT_EQ(answer.error->param, "tokens") << body;
  }
}

TEST(Models, ListsEveryNameAndFindsOne) {
  const FakeModel model;
  const std::string list = answer_models(model.served).body;
  EXPECT_THAT(list, testing::HasSubstr(R"({"id":"alias","object":"model","created":7)"));
  const std::string one = answer_model("m", model.served).body;
  EXPECT_TRUE(one.starts_with(R"({"id":"m","object":"model","created":7,"owned_by":"trivet",)"
                              R"("root":"/models/m","parent":null,"max_model_len":100,)"));
  EXPECT_THAT(list, testing::HasSubstr(one));
  EXPECT_EQ(answer_model("none", model.served).error->http_status, 404);
}

TEST(Version, IsTheProjects) {
  EXPECT_THAT(answer_version().body, testing::MatchesRegex(R"(\{"version":"[0-9.]+"\})"));
}

}  // namespace
}  // namespace trivet
