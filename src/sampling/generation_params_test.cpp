#include "sampling/generation_params.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

namespace trivet {
namespace {

GenerationLimits limits() {
  GenerationLimits limits;
  limits.vocab_size = 100;
  return limits;
}

struct Bad {
  const char* name;
  std::function<void(GenerationParams&)> spoil;
};

class ValidateRefuses : public testing::TestWithParam<Bad> {};

TEST_P(ValidateRefuses, WithTheNameOfTheParameter) {
  GenerationParams params;
  GetParam().spoil(params);
  const auto result = validate(params, limits());
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code(), ErrorCode::kInvalidArgument);
  EXPECT_THAT(result.error().message(), testing::HasSubstr(GetParam().name));
}

using P = GenerationParams;
INSTANTIATE_TEST_SUITE_P(
    Each, ValidateRefuses,
    testing::Values(
        Bad{"n must be", [](P& p) { p.n = 0; }}, Bad{"129", [](P& p) { p.n = 129; }},
        Bad{"temperature", [](P& p) { p.temperature = -0.1f; }},
        Bad{"temperature", [](P& p) { p.temperature = std::nanf(""); }},
        Bad{"temperature", [](P& p) { p.temperature = INFINITY; }},
        Bad{"top_k", [](P& p) { p.top_k = -2; }}, Bad{"top_p", [](P& p) { p.top_p = 0; }},
        Bad{"top_p", [](P& p) { p.top_p = 1.1f; }}, Bad{"min_p", [](P& p) { p.min_p = -0.1f; }},
        Bad{"typical_p", [](P& p) { p.typical_p = 0; }},
        Bad{"presence_penalty", [](P& p) { p.presence_penalty = 2.1f; }},
        Bad{"frequency_penalty", [](P& p) { p.frequency_penalty = -2.1f; }},
        Bad{"repetition_penalty", [](P& p) { p.repetition_penalty = 0; }},
        Bad{"logit_bias", [](P& p) { p.logit_bias = {{100, 1.0f}}; }},
        Bad{"logit_bias", [](P& p) { p.logit_bias = {{1, 101.0f}}; }},
        Bad{"allowed_token_ids", [](P& p) { p.allowed_tokens = {-1}; }},
        Bad{"stop_token_ids", [](P& p) { p.stop_tokens = {100}; }},
        Bad{"bad_words", [](P& p) { p.bad_words = {{}}; }},
        Bad{"bad_words", [](P& p) { p.bad_words = {{1, 100}}; }},
        Bad{"max_tokens", [](P& p) { p.max_tokens = -1; }},
        Bad{"min_tokens", [](P& p) { p.min_tokens = -1; }},
        Bad{"min_tokens",
            [](P& p) {
              p.max_tokens = 3;
              p.min_tokens = 4;
            }},
        Bad{"stop", [](P& p) { p.stop = {""}; }}, Bad{"stop", [](P& p) { p.stop.assign(17, "x"); }},
        Bad{"stop", [](P& p) { p.stop = {std::string(5000, 'x')}; }},
        Bad{"logprobs", [](P& p) { p.logprobs = 21; }},
        Bad{"logprobs", [](P& p) { p.logprobs = -1; }},
        Bad{"prompt_logprobs", [](P& p) { p.prompt_logprobs = -2; }}));

TEST(Validate, AcceptsDefaultsAndTheEdges) {
  EXPECT_TRUE(validate(GenerationParams{}, limits()).ok());
  GenerationParams params;
  params.n = 128;
  params.temperature = 0;
  params.top_k = -1;
  params.min_p = 1;
  params.presence_penalty = -2;
  params.max_tokens = 0;
  params.logprobs = 20;
  params.stop_tokens = {0, 99};
  EXPECT_TRUE(validate(params, limits()).ok());
}

TEST(Validate, AllowsTheWholeVocabularyOnlyWhereTheLimitSaysSo) {
  GenerationParams params;
  params.logprobs = kAllLogprobs;
  GenerationLimits all = limits();
  all.max_logprobs = kAllLogprobs;
  EXPECT_TRUE(validate(params, all).ok());
  params.prompt_logprobs = 500;
  EXPECT_TRUE(validate(params, all).ok());
  params.prompt_logprobs = -2;
  EXPECT_FALSE(validate(params, all).ok());
}

}  // namespace
}  // namespace trivet
