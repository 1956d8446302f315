#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "api/call.h"
#include "api/fake_text.h"

namespace trivet {
namespace {

using testing::HasSubstr;

// The body of a chat request with more fields.
std::string body_with(const std::string& fields) {
  return R"({"model":"m","messages":[{"role":"user","content":"Hi"}])" +
         (fields.empty() ? "" : "," + fields) + "}";
}

class ChatTest : public testing::Test {
 protected:
  EngineRequest request_of(const std::string& body) {
    ParsedCall parsed = parse_chat_completion(body, model_.served, kContext);
    if (!parsed.call) {
      ADD_FAILURE() << parsed.error->message;
      return {};
    }
    auto requests = parsed.call->take_requests();
    EXPECT_EQ(requests.size(), 1u);
    return std::move(requests.at(0));
  }
  ApiError error_of(const std::string& body) {
    ParsedCall parsed = parse_chat_completion(body, model_.served, kContext);
    EXPECT_FALSE(parsed.call) << body;
    return parsed.error.value_or(ApiError{});
  }
  std::string messages_of(const std::string& messages) {
    request_of(R"({"messages":)" + messages + "}");
    return model_.chat_template.messages;
  }
  FakeModel model_;
};

TEST_F(ChatTest, GivesTheTemplateTheServersDefaultsWhereTheRequestSaysNothing) {
  model_.served.default_template_kwargs = R"({"enable_thinking":false,"style":"short","a":[1]})";
  request_of(body_with(""));
  EXPECT_EQ(model_.chat_template.extra, R"({"enable_thinking":false,"style":"short","a":[1]})");
  request_of(body_with(R"("enable_thinking":true,"chat_template_kwargs":{"style":"long"})"));
  const auto extra = nlohmann::json::parse(model_.chat_template.extra);
  EXPECT_EQ(extra["enable_thinking"], true);
  EXPECT_EQ(extra["style"], "long");
  EXPECT_EQ(extra["a"], std::vector<int>{1});
}

TEST_F(ChatTest, CarriesEveryParameterToTheEngine) {
  const EngineRequest request = request_of(body_with(
      R"("n":2,"seed":9,"temperature":0.5,"top_p":0.9,"top_k":4,"min_p":0.1,"typical_p":0.8,)"
      R"("presence_penalty":0.1,"frequency_penalty":0.2,"repetition_penalty":1.3,)"
      R"("logit_bias":{"7":5,"8":-300},"allowed_token_ids":[1,2],"bad_words":["two"],)"
      R"("min_tokens":2,"ignore_eos":true,"stop":"END","stop_token_ids":[3],)"
      R"("include_stop_str_in_output":true,"skip_special_tokens":false,"logprobs":true,)"
      R"("top_logprobs":3,"max_tokens":50,"max_completion_tokens":20,"priority":-2,)"
      R"("cache_salt":"s","prompt_logprobs":1,"user":"u")"));
  EXPECT_EQ(request.id, "chatcmpl-42-0");
  EXPECT_EQ(request.tenant, "acme");
  EXPECT_EQ(request.priority, -2);
  EXPECT_EQ(request.cache_salt, "s");
  EXPECT_FALSE(request.stream);
  EXPECT_EQ(request.prompt, (std::vector<TokenId>{258, 259}));
  const GenerationParams& p = request.params;
  EXPECT_EQ(p.n, 2);
  EXPECT_EQ(p.seed, 9u);
  EXPECT_FLOAT_EQ(p.temperature, 0.5f);
  EXPECT_FLOAT_EQ(p.top_p, 0.9f);
  EXPECT_EQ(p.top_k, 4);
  EXPECT_FLOAT_EQ(p.min_p, 0.1f);
  EXPECT_FLOAT_EQ(p.typical_p, 0.8f);
  EXPECT_FLOAT_EQ(p.presence_penalty, 0.1f);
  EXPECT_FLOAT_EQ(p.frequency_penalty, 0.2f);
  EXPECT_FLOAT_EQ(p.repetition_penalty, 1.3f);
  EXPECT_EQ(p.logit_bias, (std::vector<std::pair<TokenId, float>>{{7, 5.0f}, {8, -100.0f}}));
  EXPECT_EQ(p.allowed_tokens, (std::vector<TokenId>{1, 2}));
  EXPECT_EQ(p.bad_words, (std::vector<std::vector<TokenId>>{{262}, {' ', 262}}));
  EXPECT_EQ(p.min_tokens, 2);
  EXPECT_TRUE(p.ignore_eos);
  EXPECT_EQ(p.stop, std::vector<std::string>{"END"});
  EXPECT_EQ(p.stop_tokens, std::vector<TokenId>{3});
  EXPECT_TRUE(p.include_stop_text);
  EXPECT_FALSE(p.skip_special_tokens);
  EXPECT_EQ(p.logprobs, 3);
  EXPECT_EQ(p.prompt_logprobs, 1);
  EXPECT_EQ(p.max_tokens, 20) << "max_completion_tokens wins";
}

TEST_F(ChatTest, TakesNullForAbsentAndDefaultsFromTheModel) {
  model_.served.defaults.temperature = 0.3f;
  model_.served.defaults.top_k = 7;
  const EngineRequest request = request_of(body_with(
      R"("temperature":null,"max_tokens":null,"stop":null,"seed":null,"top_k":9,"logprobs":null)"));
  EXPECT_FLOAT_EQ(request.params.temperature, 0.3f);
  EXPECT_EQ(request.params.top_k, 9);
  EXPECT_FALSE(request.params.max_tokens) << "until the context is full";
  EXPECT_FALSE(request.params.seed);
  EXPECT_FALSE(request.params.logprobs);
}

TEST_F(ChatTest, ListsFieldsThatItIgnores) {
  const ParsedCall parsed = parse_chat_completion(
      body_with(R"("mirostat":2,"user":"u","stream":false)"), model_.served, kContext);
  ASSERT_TRUE(parsed.call);
  EXPECT_EQ(parsed.ignored_fields, std::vector<std::string>{"mirostat"});
}

TEST_F(ChatTest, GivesTheTemplateStringsForParts) {
  EXPECT_EQ(
      messages_of(R"([{"role":"user","content":[{"type":"text","text":"a\"b"},
                            {"type":"text","text":"c"}],"name":"N"},
                            {"role":"assistant","content":null}])"),
      R"([{"role":"user","content":"a\"b\nc","name":"N"},{"role":"assistant","content":""}])");
}

TEST_F(ChatTest, UnfoldsArgumentsOfEarlierToolCalls) {
  EXPECT_EQ(messages_of(R"([{"role":"assistant","tool_calls":[
          {"id":"1","type":"function","function":{"name":"f","arguments":"{\"x\": [1, 2.5]}"}},
          {"id":"2","type":"function","function":{"name":"g","arguments":""}},
          {"id":"3","type":"function","function":{"name":"h","arguments":"{broken"}}]},
          {"role":"tool","tool_call_id":"1","content":"7"}])"),
            R"([{"role":"assistant","content":"","tool_calls":[)"
            R"({"id":"1","type":"function","function":{"name":"f","arguments":{"x":[1,2.5]}}},)"
            R"({"id":"2","type":"function","function":{"name":"g","arguments":{}}},)"
            R"({"id":"3","type":"function","function":{"name":"h","arguments":"{broken"}}]},)"
            R"({"role":"tool","content":"7","tool_call_id":"1"}])");
}

TEST_F(ChatTest, GivesReasoningUnderBothNames) {
  EXPECT_EQ(messages_of(R"([{"role":"assistant","content":"a","reasoning_content":"r"}])"),
            R"([{"role":"assistant","content":"a","reasoning":"r","reasoning_content":"r"}])");
}

TEST_F(ChatTest, PassesToolsDocumentsAndKwargsOn) {
  request_of(body_with(
      R"("tools":[{"type":"function","function":{"name":"f"}}],"documents":[{"t":1}],)"
      R"("chat_template_kwargs":{"enable_thinking":false},"reasoning_effort":"low",)"
      R"("tool_choice":"auto","add_generation_prompt":false,"continue_final_message":true)"));
  EXPECT_EQ(model_.chat_template.tools, R"([{"type":"function","function":{"name":"f"}}])");
  EXPECT_EQ(model_.chat_template.documents, R"([{"t":1}])");
  EXPECT_EQ(model_.chat_template.extra, R"({"enable_thinking":false,"reasoning_effort":"low"})");
  EXPECT_FALSE(model_.chat_template.add_generation_prompt);
  EXPECT_TRUE(model_.chat_template.continue_final_message);
}

TEST_F(ChatTest, TruncatesThePromptFromTheLeft) {
  EXPECT_EQ(request_of(body_with(R"("truncate_prompt_tokens":1)")).prompt,
            std::vector<TokenId>{259});
  model_.served.max_model_len = 2;
  EXPECT_EQ(request_of(body_with(R"("truncate_prompt_tokens":-1)")).prompt,
            std::vector<TokenId>{259});
}

TEST_F(ChatTest, AddsSpecialTokensOnlyIfAsked) {
  EXPECT_EQ(request_of(body_with(R"("add_special_tokens":true)")).prompt[0], FakeTokenizer::kBos);
}

TEST_F(ChatTest, ReportsTheTemplatesOwnMessage) {
  const ApiError error = error_of(R"({"messages":[{"role":"user","content":"REFUSE"}]})");
  EXPECT_EQ(error.http_status, 400);
  EXPECT_EQ(error.message, "Conversation roles must alternate");
}

TEST_F(ChatTest, UsesTheClientsIdForTheAnswerOnly) {
  ParsedCall parsed =
      parse_chat_completion(body_with(R"("request_id":"mine")"), model_.served, kContext);
  ASSERT_TRUE(parsed.call);
  EXPECT_EQ(parsed.call->take_requests().at(0).id, "chatcmpl-42-0");
  RequestOutput output;
  output.request_id = "chatcmpl-42-0";
  output.finished = true;
  parsed.call->encode(output);
  EXPECT_THAT(parsed.call->body(), HasSubstr(R"("id":"chatcmpl-mine")"));
}

TEST_F(ChatTest, IgnoresOutputsThatAreNotItsOwn) {
  ParsedCall parsed = parse_chat_completion(body_with(R"("stream":true)"), model_.served, kContext);
  ASSERT_TRUE(parsed.call);
  RequestOutput output;
  output.request_id = "other";
  output.sequences.push_back({0, "x", {1}, {}, FinishReason::kNone, {}});
  EXPECT_EQ(parsed.call->encode(output), "");
  output.request_id = "chatcmpl-42-0";
  output.sequences[0].index = 5;
  EXPECT_EQ(parsed.call->encode(output), "");
  output.sequences[0].index = -1;
  EXPECT_EQ(parsed.call->encode(output), "");
}

struct Refused {
  const char* fields;
  int status;
  const char* param;
  const char* message;
};

class ChatRefuses : public ChatTest, public testing::WithParamInterface<Refused> {};

TEST_P(ChatRefuses, NamingTheField) {
  const ApiError error = error_of(body_with(GetParam().fields));
  EXPECT_EQ(error.http_status, GetParam().status) << error.message;
  EXPECT_EQ(error.param.value_or(""), GetParam().param) << error.message;
  EXPECT_THAT(error.message, HasSubstr(GetParam().message));
}

INSTANTIATE_TEST_SUITE_P(
    Fields, ChatRefuses,
    testing::Values(
        Refused{R"("temperature":-1)", 400, "temperature", "non-negative"},
        Refused{R"("temperature":"hot")", 400, "temperature", "must be a number, got a string"},
        Refused{R"("temperature":1e39)", 400, "temperature", "non-negative"},
        Refused{R"("top_p":0)", 400, "top_p", "(0, 1]"},
        Refused{R"("top_p":1.5)", 400, "top_p", "1.5"},
        Refused{R"("top_k":-2)", 400, "top_k", "-2"},
        Refused{R"("top_k":1.5)", 400, "top_k", "integer"}, Refused{R"("n":0)", 400, "n", "from 1"},
        Refused{R"("n":1000)", 400, "n", "1000"},
        Refused{R"("max_tokens":0)", 400, "max_tokens", "at least 1"},
        Refused{R"("max_tokens":99999999999)", 400, "max_tokens", "32 bits"},
        Refused{R"("max_tokens":99)", 400, "max_tokens", "maximum context length is 100 tokens"},
        Refused{R"("logprobs":true,"top_logprobs":21)", 400, "logprobs", "20"},
        Refused{R"("logprobs":3)", 400, "logprobs", "true or false"},
        Refused{R"("top_logprobs":2)", 400, "top_logprobs", "needs `logprobs`"},
        Refused{R"("top_logprobs":-2)", 400, "top_logprobs", "-2"},
        Refused{R"("prompt_logprobs":-2)", 400, "prompt_logprobs", "-2"},
        Refused{R"("prompt_logprobs":1,"stream":true)", 400, "prompt_logprobs", "stream"},
        Refused{R"("stream_options":{"include_usage":true})", 400, "stream_options", "stream"},
        Refused{R"("stream":true,"stream_options":{"include_usage":1})", 400,
                "stream_options.include_usage", "true or false"},
        Refused{R"("logit_bias":{"999":1})", 400, "logit_bias", "999"},
        Refused{R"("logit_bias":{"x":1})", 400, "logit_bias", "\"x\""},
        Refused{R"("logit_bias":{"1":"y"})", 400, "logit_bias", "numbers"},
        Refused{R"("allowed_token_ids":[])", 400, "allowed_token_ids", "empty"},
        Refused{R"("bad_words":[" "])", 400, "bad_words", "empty"},
        Refused{R"("stop":["a",1])", 400, "stop", "array of strings"},
        Refused{R"("stop":{})", 400, "stop", "an object"},
        Refused{R"("stop":"")", 400, "stop", "empty"},
        Refused{R"("min_tokens":9,"max_tokens":3)", 400, "min_tokens", "max_tokens"},
        Refused{R"("truncate_prompt_tokens":101)", 400, "truncate_prompt_tokens", "100"},
        Refused{R"("truncate_prompt_tokens":0)", 400, "truncate_prompt_tokens", "-1"},
        Refused{R"("cache_salt":"")", 400, "cache_salt", "non-empty"},
        Refused{R"("tool_choice":"auto")", 400, "tool_choice", "needs `tools`"},
        Refused{R"("tools":[{"type":"x"}])", 400, "tools", "function"},
        Refused{R"("tools":[{"type":"function","function":{"name":"f"}}],"tool_choice":"required")",
                501, "tool_choice", "without grammars"},
        Refused{R"("tools":[{"type":"function","function":{"name":"f"}}],)"
                R"("tool_choice":{"type":"function","function":{"name":"g"}})",
                400, "tool_choice", "\"g\""},
        Refused{R"("tools":[{"type":"function","function":{"name":"f"}}],)"
                R"("tool_choice":{"type":"function","function":{"name":"f"}})",
                501, "tool_choice", "without grammars"},
        Refused{R"("tools":[{"type":"function","function":{"name":"f"}}],"tool_choice":7)", 400,
                "tool_choice", "auto"},
        Refused{R"("response_format":{"type":"json_object"})", 501, "response_format",
                "without grammars"},
        Refused{R"("response_format":{"type":"xml"})", 400, "response_format", "xml"},
        Refused{R"("structured_outputs":{"json":{}})", 501, "structured_outputs.json",
                "without grammars"},
        Refused{R"("use_beam_search":true)", 501, "use_beam_search", "not supported"},
        Refused{R"("chat_template":"x")", 400, "", "--trust-request-chat-template"},
        Refused{R"("chat_template_kwargs":{"chat_template":"x"})", 400, "chat_template_kwargs",
                "chat_template"},
        Refused{R"("continue_final_message":true,"add_generation_prompt":true)", 400,
                "continue_final_message", "both"},
        Refused{R"("model":"x")", 404, "model", "The model `x` does not exist."},
        Refused{R"("model":3)", 400, "model", "a string"},
        Refused{R"("messages":[])", 400, "messages", "at least one"},
        Refused{R"("messages":"Hi")", 400, "messages", "an array"},
        Refused{R"("messages":["Hi"])", 400, "messages", "objects"},
        Refused{R"("messages":[{"content":"Hi"}])", 400, "messages", "messages[0].role"},
        Refused{R"("messages":[{"role":"user","content":7}])", 400, "messages[0].content",
                "a string or an array"},
        Refused{R"("messages":[{"role":"user","content":[{"type":"image_url","image_url":{}}]}])",
                400, "messages", "image_url"}));

TEST_F(ChatTest, RefusesPromptsThatLeaveNoRoom) {
  model_.served.max_model_len = 2;
  const ApiError error = error_of(body_with(""));
  EXPECT_EQ(error.http_status, 400);
  EXPECT_EQ(error.param, "messages");
  EXPECT_THAT(error.message, HasSubstr("maximum context length is 2 tokens"));
}

TEST_F(ChatTest, RefusesWhenTheModelHasNoTemplate) {
  model_.served.chat_template = nullptr;
  EXPECT_THAT(error_of(body_with("")).message, HasSubstr("no chat template"));
}

TEST_F(ChatTest, RefusesBodiesThatAreNotAJsonObject) {
  const std::string deep = std::string(5000, '[') + std::string(5000, ']');
  for (const std::string& body :
       {std::string(), std::string("{"), std::string("[]"), std::string("nul"),
        std::string("{\"model\":\"\xFF\"}"), std::string("{\"a\":NaN}"), deep,
        R"({"messages":)" + deep + "}"}) {
    const ApiError error = error_of(body);
    EXPECT_EQ(error.http_status, 400) << body.substr(0, 20);
    EXPECT_EQ(error.type, "BadRequestError");
  }
}

}  // namespace
}  // namespace trivet
