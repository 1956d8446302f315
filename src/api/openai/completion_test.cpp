#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "api/call.h"
#include "api/fake_text.h"

namespace trivet {
namespace {

using testing::HasSubstr;

const CallContext kOpenContext{"42", "", 1000};

class CompletionTest : public testing::Test {
 protected:
  std::vector<EngineRequest> requests_of(const std::string& body) {
    ParsedCall parsed = parse_completion(body, model_.served, kOpenContext);
    if (!parsed.call) {
      ADD_FAILURE() << parsed.error->message;
      return {};
    }
    return parsed.call->take_requests();
  }
  ApiError error_of(const std::string& body) {
    ParsedCall parsed = parse_completion(body, model_.served, kOpenContext);
    EXPECT_FALSE(parsed.call) << body;
    return parsed.error.value_or(ApiError{});
  }
  FakeModel model_;
};

TEST_F(CompletionTest, TakesAllFormsOfPrompts) {
  using Tokens = std::vector<TokenId>;
  EXPECT_EQ(requests_of(R"({"prompt":"Hi"})").at(0).prompt, (Tokens{256, 258}));
  EXPECT_EQ(requests_of(R"({"prompt":"Hi","add_special_tokens":false})").at(0).prompt,
            (Tokens{258}));
  EXPECT_EQ(requests_of(R"({"prompt":[5,6]})").at(0).prompt, (Tokens{5, 6}));
  const auto texts = requests_of(R"({"prompt":["one","two"]})");
  ASSERT_EQ(texts.size(), 2u);
  EXPECT_EQ(texts[0].prompt, (Tokens{256, 261}));
  EXPECT_EQ(texts[1].prompt, (Tokens{256, 262}));
  const auto lists = requests_of(R"({"prompt":[[1,2],[3]]})");
  ASSERT_EQ(lists.size(), 2u);
  EXPECT_EQ(lists[1].prompt, (Tokens{3}));
  EXPECT_EQ(lists[0].id, "cmpl-42-0");
  EXPECT_EQ(lists[1].id, "cmpl-42-1");
}

TEST_F(CompletionTest, MakesSixteenTokensUnlessToldOtherwise) {
  EXPECT_EQ(requests_of(R"({"prompt":"Hi"})").at(0).params.max_tokens, 16);
  EXPECT_EQ(requests_of(R"({"prompt":"Hi","max_tokens":3})").at(0).params.max_tokens, 3);
  EXPECT_EQ(requests_of(R"({"prompt":"Hi","n_predict":5})").at(0).params.max_tokens, 5);
  model_.served.max_model_len = 10;
  EXPECT_EQ(requests_of(R"({"prompt":"Hi"})").at(0).params.max_tokens, 8) << "what fits";
}

TEST_F(CompletionTest, AsksForPromptLogprobsToEchoThem) {
  const auto echoed = requests_of(R"({"prompt":"Hi","echo":true,"logprobs":2,"max_tokens":0})");
  EXPECT_EQ(echoed.at(0).params.prompt_logprobs, 2);
  EXPECT_EQ(echoed.at(0).params.logprobs, 2);
  EXPECT_EQ(echoed.at(0).params.max_tokens, 0);
  EXPECT_FALSE(requests_of(R"({"prompt":"Hi","logprobs":2})").at(0).params.prompt_logprobs);
  EXPECT_EQ(requests_of(R"({"prompt":"Hi","echo":true,"logprobs":1,"stream":true})")
                .at(0)
                .params.prompt_logprobs,
            1);
}

TEST_F(CompletionTest, LetsAPromptFillTheContextIfNothingIsToFollow) {
  model_.served.max_model_len = 2;
  EXPECT_EQ(requests_of(R"({"prompt":"Hi","echo":true,"max_tokens":0})").size(), 1u);
  EXPECT_THAT(error_of(R"({"prompt":"Hi"})").message,
              HasSubstr("maximum context length is 2 tokens"));
  EXPECT_THAT(error_of(R"({"prompt":"Hione","echo":true,"max_tokens":0})").message,
              HasSubstr("maximum context length is 2 tokens"));
}

TEST_F(CompletionTest, TakesMinusOneAsARandomSeed) {
  EXPECT_FALSE(requests_of(R"({"prompt":"Hi","seed":-1})").at(0).params.seed);
  EXPECT_EQ(requests_of(R"({"prompt":"Hi","seed":-2})").at(0).params.seed, ~uint64_t{1});
}

TEST_F(CompletionTest, RefusesWhatItCannotDoNamingTheField) {
  const struct {
    const char* body;
    int status;
    const char* param;
    const char* message;
  } kCases[] = {
      {R"({})", 400, "prompt", "missing"},
      {R"({"prompt":null})", 400, "prompt", "missing"},
      {R"({"prompt":[]})", 400, "prompt", "empty array"},
      {R"({"prompt":[[]]})", 400, "prompt", "empty"},
      {R"({"prompt":"","add_special_tokens":false})", 400, "prompt", "empty"},
      {R"({"prompt":7})", 400, "prompt", "a number"},
      {R"({"prompt":["a",7]})", 400, "prompt", "a number"},
      {R"({"prompt":[1,"a"]})", 400, "prompt", "a string"},
      {R"({"prompt":[1.5]})", 400, "prompt", "1.5"},
      {R"({"prompt":[264]})", 400, "prompt", "264"},
      {R"({"prompt":[-1]})", 400, "prompt", "-1"},
      {R"({"prompt":"Hi","max_tokens":0})", 400, "max_tokens", "at least 1"},
      {R"({"prompt":"Hi","logprobs":21})", 400, "logprobs", "21"},
      {R"({"prompt":"Hi","logprobs":true})", 400, "logprobs", "integer"},
      {R"({"prompt":"Hi","suffix":"x"})", 400, "suffix", "suffix"},
      {R"({"prompt":"Hi","best_of":3})", 501, "best_of", "best_of"},
      {R"({"prompt":"Hi","model":"gpt"})", 404, "model", "The model `gpt` does not exist."},
  };
  for (const auto& expected : kCases) {
    const ApiError error = error_of(expected.body);
    EXPECT_EQ(error.http_status, expected.status) << expected.body;
    EXPECT_EQ(error.param.value_or(""), expected.param) << expected.body;
    EXPECT_THAT(error.message, HasSubstr(expected.message));
  }
}

TEST_F(CompletionTest, AnswersAtMost2048Prompts) {
  std::string prompts = "\"a\"";
  for (int i = 0; i < 2048; ++i) prompts += ",\"a\"";
  EXPECT_THAT(error_of(R"({"prompt":[)" + prompts + "]}").message, HasSubstr("2049"));
}

TEST_F(CompletionTest, CountsUsageOverAllPrompts) {
  ParsedCall parsed = parse_completion(R"({"prompt":["one","two"]})", model_.served, kOpenContext);
  ASSERT_TRUE(parsed.call);
  EXPECT_EQ(parsed.call->usage().prompt_tokens, 4) << "known before the engine says so";
  RequestOutput output;
  output.request_id = "cmpl-42-1";
  output.usage = {2, 1, 3};
  output.finished = true;
  parsed.call->encode(output);
  EXPECT_FALSE(parsed.call->done());
  output.request_id = "cmpl-42-0";
  parsed.call->encode(output);
  EXPECT_TRUE(parsed.call->done());
  EXPECT_EQ(parsed.call->usage().prompt_tokens, 4);
  EXPECT_EQ(parsed.call->usage().cached_tokens, 2);
  EXPECT_EQ(parsed.call->usage().completion_tokens, 6);
}

TEST_F(CompletionTest, EndsTheWholeCallWithTheFirstFailedPrompt) {
  for (const bool stream : {false, true}) {
    ParsedCall parsed = parse_completion(
        stream ? R"({"prompt":["one","two"],"stream":true})" : R"({"prompt":["one","two"]})",
        model_.served, kOpenContext);
    ASSERT_TRUE(parsed.call);
    RequestOutput failed;
    failed.request_id = "cmpl-42-1";
    failed.finished = true;
    failed.error = Error(ErrorCode::kUnavailable, "draining");
    const std::string bytes = parsed.call->encode(failed);
    EXPECT_TRUE(parsed.call->done());
    EXPECT_EQ(parsed.call->error()->http_status, 503);
    EXPECT_EQ(bytes.ends_with("data: [DONE]\n\n"), stream);
    RequestOutput late;
    late.request_id = "cmpl-42-0";
    late.finished = true;
    EXPECT_EQ(parsed.call->encode(late), "");
  }
}

}  // namespace
}  // namespace trivet
