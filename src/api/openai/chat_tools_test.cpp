// Tools and reasoning of chats, from the request to the answer.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "api/call.h"
#include "api/fake_text.h"
#include "api/openai/tool_prompt.h"

namespace trivet {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

constexpr std::string_view kTools =
    R"([{"type":"function","function":{"name":"f","parameters":{"type":"object","properties":)"
    R"({"a":{"type":"integer"}}}}},{"type":"function","function":{"name":"g"}}])";

json tools_body(json fields) {
  fields["messages"] = {{{"role", "user"}, {"content", "Hi"}}};
  if (!fields.contains("tools")) fields["tools"] = json::parse(kTools);
  return fields;
}

RequestOutput text_output(const std::string& text, FinishReason reason) {
  RequestOutput output;
  output.request_id = "chatcmpl-42-0";
  output.finished = reason != FinishReason::kNone;
  output.sequences.push_back({0, text, {}, {}, reason, {}});
  return output;
}

class ChatToolsTest : public testing::Test {
 protected:
  ChatToolsTest() { model_.served.dialect = dialect_named("hermes"); }

  ParsedCall parse(const json& fields) {
    return parse_chat_completion(tools_body(fields).dump(), model_.served, kContext);
  }
  ApiError error_of(const json& fields) {
    ParsedCall parsed = parse(fields);
    EXPECT_FALSE(parsed.call) << fields;
    return parsed.error.value_or(ApiError{});
  }
  json answer(const std::string& text, const json& fields = json::object(),
              FinishReason reason = FinishReason::kStop) {
    ParsedCall parsed = parse(fields);
    if (!parsed.call) {
      ADD_FAILURE() << parsed.error->message;
      return {};
    }
    parsed.call->encode(text_output(text, reason));
    return json::parse(parsed.call->body())["choices"][0];
  }
  // The message that the deltas of a stream add up to, one byte of text a step.
  json streamed_answer(const std::string& text, const json& fields = json::object()) {
    json request = fields;
    request["stream"] = true;
    ParsedCall parsed = parse(request);
    std::string bytes;
    for (const char c : text) {
      bytes += parsed.call->encode(text_output(std::string(1, c), FinishReason::kNone));
    }
    bytes += parsed.call->encode(text_output("", FinishReason::kStop));
    json choice = {
        {"message", {{"content", ""}, {"reasoning", ""}, {"tool_calls", json::array()}}}};
    size_t at = 0;
    while ((at = bytes.find("data: {", at)) != std::string::npos) {
      const size_t end = bytes.find("\n\n", at);
      const json chunk = json::parse(bytes.substr(at + 6, end - at - 6))["choices"][0];
      add_delta(choice["message"], chunk["delta"]);
      if (!chunk["finish_reason"].is_null()) choice["finish_reason"] = chunk["finish_reason"];
      at = end;
    }
    return choice;
  }
  static void add_delta(json& message, const json& delta) {
    message["content"] = message["content"].get<std::string>() + delta.value("content", "");
    message["reasoning"] = message["reasoning"].get<std::string>() + delta.value("reasoning", "");
    EXPECT_EQ(delta.value("reasoning", ""), delta.value("reasoning_content", ""));
    for (const json& call : delta.value("tool_calls", json::array())) {
      json& calls = message["tool_calls"];
      if (call.contains("id")) {
        EXPECT_EQ(call["index"], calls.size());
        EXPECT_EQ(call["type"], "function");
        calls.push_back({{"id", call["id"]}, {"type", "function"}, {"function", call["function"]}});
        continue;
      }
      EXPECT_FALSE(call["function"].contains("name"));
      json& arguments = calls[call["index"].get<size_t>()]["function"]["arguments"];
      arguments = arguments.get<std::string>() + call["function"]["arguments"].get<std::string>();
    }
  }

  FakeModel model_;
};

const std::string kTwoCalls =
    "Sure.\n<tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\": 1}}\n</tool_call>\n"
    "<tool_call>\n{\"name\": \"g\", \"arguments\": {}}\n</tool_call>";

TEST_F(ChatToolsTest, CallsAreTakenOutOfTheText) {
  const json choice = answer(kTwoCalls);
  EXPECT_EQ(choice["finish_reason"], "tool_calls");
  EXPECT_EQ(choice["message"]["content"], "Sure.");
  const json& calls = choice["message"]["tool_calls"];
  ASSERT_EQ(calls.size(), 2u);
  EXPECT_EQ(calls[0]["type"], "function");
  EXPECT_EQ(calls[0]["function"], json({{"name", "f"}, {"arguments", "{\"a\": 1}"}}));
  EXPECT_EQ(calls[1]["function"], json({{"name", "g"}, {"arguments", "{}"}}));
  EXPECT_NE(calls[0]["id"], calls[1]["id"]);
  EXPECT_GT(calls[0]["id"].get<std::string>().size(), 16u);
}

TEST_F(ChatToolsTest, AStreamAddsUpToTheWholeAnswer) {
  const json whole = answer(kTwoCalls), streamed = streamed_answer(kTwoCalls);
  EXPECT_EQ(streamed["message"]["tool_calls"], whole["message"]["tool_calls"]);
  EXPECT_EQ(streamed["message"]["content"], whole["message"]["content"]);
  EXPECT_EQ(streamed["finish_reason"], "tool_calls");
}

TEST_F(ChatToolsTest, ContentIsNullBesideCallsAlone) {
  const json choice = answer(kTwoCalls.substr(6));
  EXPECT_TRUE(choice["message"]["content"].is_null());
}

TEST_F(ChatToolsTest, ACutCallFinishesByLength) {
  const json choice = answer(kTwoCalls.substr(0, 50), json::object(), FinishReason::kLength);
  EXPECT_EQ(choice["finish_reason"], "length");
  EXPECT_EQ(choice["message"]["tool_calls"].size(), 1u);
}

TEST_F(ChatToolsTest, OneCallIsKeptWithoutParallelCalls) {
  const json choice = answer(kTwoCalls, {{"parallel_tool_calls", false}});
  ASSERT_EQ(choice["message"]["tool_calls"].size(), 1u);
  EXPECT_EQ(choice["message"]["tool_calls"][0]["function"]["name"], "f");
}

TEST_F(ChatToolsTest, ChoiceNoneHidesToolsAndLeavesTheTextAlone) {
  const json choice = answer(kTwoCalls, {{"tool_choice", "none"}});
  EXPECT_EQ(choice["message"]["content"], kTwoCalls);
  EXPECT_EQ(choice["finish_reason"], "stop");
  EXPECT_EQ(model_.chat_template.tools, "");
}

TEST_F(ChatToolsTest, ReasoningComesBeforeCalls) {
  model_.served.reasoning = reasoning_named("think");
  const std::string text = "<think>\nHm.\n</think>\n\n" + kTwoCalls;
  const json whole = answer(text), streamed = streamed_answer(text);
  EXPECT_EQ(whole["message"]["reasoning"], "Hm.");
  EXPECT_EQ(streamed["message"]["reasoning"], "Hm.");
  EXPECT_EQ(streamed["message"]["tool_calls"], whole["message"]["tool_calls"]);
  EXPECT_TRUE(answer(text, {{"include_reasoning", false}})["message"]["reasoning"].is_null());
  EXPECT_THAT(answer(text, {{"reasoning_format", "none"}})["message"]["content"],
              HasSubstr("</think>"));
}

TEST_F(ChatToolsTest, ThePromptMayBeginTheReasoning) {
  model_.served.reasoning = reasoning_named("think");
  model_.chat_template.rendered = "Hi<think>\n";
  const json message = answer("Hm.\n</think>\n\nYes.")["message"];
  EXPECT_EQ(message["reasoning"], "Hm.");
  EXPECT_EQ(message["content"], "Yes.");
}

TEST_F(ChatToolsTest, SwitchesOfThinkingReachTheTemplate) {
  answer("", {{"enable_thinking", true}});
  EXPECT_EQ(json::parse(model_.chat_template.extra),
            json({{"enable_thinking", true}, {"thinking", true}}));
  answer("", {{"reasoning_effort", "none"}});
  EXPECT_EQ(json::parse(model_.chat_template.extra)["enable_thinking"], false);
  answer("", {{"reasoning_effort", "none"}, {"enable_thinking", true}});
  EXPECT_EQ(json::parse(model_.chat_template.extra)["enable_thinking"], true);
  answer("", {{"enable_thinking", true}, {"chat_template_kwargs", {{"enable_thinking", false}}}});
  EXPECT_EQ(json::parse(model_.chat_template.extra)["enable_thinking"], false);
}

TEST_F(ChatToolsTest, WhatIsWrongWithToolsIsSaid) {
  const auto message = [&](const json& fields) {
    const ApiError error = error_of(fields);
    EXPECT_EQ(error.http_status, 400);
    return error.message;
  };
  EXPECT_THAT(message({{"tools", {{{"type", "function"}, {"function", {{"name", "a b"}}}}}}}),
              HasSubstr("\"a b\""));
  EXPECT_THAT(
      message({{"tools",
                {{{"type", "function"}, {"function", {{"name", "a"}, {"parameters", "x"}}}}}}}),
      HasSubstr("JSON schema"));
  const json unknown = {{"type", "function"}, {"function", {{"name", "h"}}}};
  EXPECT_THAT(message({{"tool_choice", unknown}}), HasSubstr("\"h\""));
  const auto allowed = [](const char* mode, const json& tools) {
    return json{
        {"tool_choice",
         {{"type", "allowed_tools"}, {"allowed_tools", {{"mode", mode}, {"tools", tools}}}}}};
  };
  EXPECT_THAT(message(allowed("auto", json::array({unknown}))), HasSubstr("\"h\""));
  EXPECT_THAT(message(allowed("maybe", json::array({unknown}))), HasSubstr("allowed_tools"));
  EXPECT_THAT(message(allowed("auto", json::array())), HasSubstr("empty"));
}

TEST_F(ChatToolsTest, OnlyAllowedToolsAreFoundInDoubtfulText) {
  const json only_g = {
      {"tool_choice",
       {{"type", "allowed_tools"},
        {"allowed_tools",
         {{"mode", "auto"}, {"tools", {{{"type", "function"}, {"function", {{"name", "g"}}}}}}}}}}};
  const std::string call = "{\"name\": \"f\", \"arguments\": {}}";
  EXPECT_EQ(answer(call, only_g)["message"]["content"], call);
  EXPECT_EQ(answer(call)["message"]["tool_calls"].size(), 1u);
}

TEST_F(ChatToolsTest, AModelWhoseTemplateKnowsNoToolsIsTold) {
  model_.served.dialect = nullptr;
  model_.chat_template.text = "plain";
  EXPECT_EQ(answer(kTwoCalls)["message"]["tool_calls"].size(), 2u);
  EXPECT_EQ(model_.chat_template.tools, "");
  const json messages = json::parse(model_.chat_template.messages);
  ASSERT_EQ(messages.size(), 2u);
  EXPECT_EQ(messages[0]["role"], "system");
  EXPECT_THAT(messages[0]["content"], HasSubstr("\"name\":\"f\""));
  EXPECT_EQ(messages[1], json({{"role", "user"}, {"content", "Hi"}}));
}

// What a request lets the model write.
class ChatRulesTest : public ChatToolsTest {
 protected:
  ChatRulesTest() {
    compiler_ =
        std::move(GrammarCompiler::create(model_.tokenizer, model_.served.end_tokens)).value();
    model_.served.grammars = compiler_.get();
    model_.served.max_model_len = 2000;
  }
  // Whether the grammar of the request takes all of the text and may end then.
  bool allows(const json& fields, const std::string& text) {
    ParsedCall parsed = parse(fields);
    if (!parsed.call) {
      ADD_FAILURE() << parsed.error->message;
      return false;
    }
    const auto requests = parsed.call->take_requests();
    const auto& start = requests.at(0).params.grammar;
    if (start == nullptr) return true;
    const auto grammar = std::move(start->clone()).value();
    const std::vector<TokenId> tokens = *model_.tokenizer.encode(text, {false, true});
    const auto taken = grammar->accept(tokens);
    return taken.ok() && *taken == tokens.size() && *grammar->is_accepting();
  }

  std::unique_ptr<GrammarCompiler> compiler_;
};

const std::string kCallF =
    "<tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\": 1}}\n</tool_call>";
const std::string kCallG = "<tool_call>\n{\"name\": \"g\", \"arguments\": {}}\n</tool_call>";
const json kNamesG = {{"type", "function"}, {"function", {{"name", "g"}}}};

TEST_F(ChatRulesTest, AutoAllowsTextAndValidCalls) {
  for (const std::string& text : {std::string("Hi"), kCallF, "So:\n" + kCallF + "\n" + kCallG}) {
    EXPECT_TRUE(allows({}, text)) << text;
  }
  EXPECT_FALSE(allows({}, "<tool_call>\n{\"name\": \"h\", \"arguments\": {}}\n</tool_call>"));
  EXPECT_FALSE(allows({{"parallel_tool_calls", false}}, kCallF + "\n" + kCallG));
}

TEST_F(ChatRulesTest, RequiredNamedAndAllowedToolsDemandCalls) {
  const json required = {{"tool_choice", "required"}}, named = {{"tool_choice", kNamesG}};
  EXPECT_FALSE(allows(required, "Hi"));
  EXPECT_TRUE(allows(required, kCallF));
  EXPECT_TRUE(allows(required, kCallG + "\n" + kCallF));
  EXPECT_TRUE(allows(named, kCallG));
  EXPECT_FALSE(allows(named, kCallF));
  EXPECT_FALSE(allows(named, kCallG + "\n" + kCallG));
  const json allowed = {
      {"tool_choice",
       {{"type", "allowed_tools"},
        {"allowed_tools", {{"mode", "required"}, {"tools", json::array({kNamesG})}}}}}};
  EXPECT_TRUE(allows(allowed, kCallG));
  EXPECT_FALSE(allows(allowed, kCallF));
  EXPECT_FALSE(allows(allowed, "Hi"));
}

TEST_F(ChatRulesTest, JsonReasoningAndToolsGoTogether) {
  model_.served.reasoning = reasoning_named("think");
  const json format = {{"response_format", {{"type", "json_object"}}}};
  EXPECT_TRUE(allows(format, "<think>\nHm\n</think>\n\n{\"x\": 1}"));
  EXPECT_TRUE(allows(format, "<think>\nHm\n</think>\n\n" + kCallF));
  EXPECT_TRUE(allows(format, "{}"));
  EXPECT_FALSE(allows(format, "<think>\nHm\n</think>\n\nHi"));
  model_.chat_template.rendered = "Hi<think>\n\n</think>\n\n";  // thinking is over
  EXPECT_TRUE(allows(format, "{}"));
  EXPECT_FALSE(allows(format, "<think>\nHm\n</think>\n\n{}"));
}

TEST_F(ChatRulesTest, ABudgetEndsReasoning) {
  model_.served.reasoning = reasoning_named("think");
  model_.chat_template.rendered = "Hi<think>\n";
  const json budget = {{"thinking_token_budget", 4}, {"tools", json::array()}};
  EXPECT_TRUE(allows(budget, "abcd</think>\n\nHello"));
  EXPECT_FALSE(allows(budget, "abcde</think>\n\nHello"));
  EXPECT_TRUE(allows({{"max_thinking_tokens", 0}, {"tools", json::array()}}, "</think>Hello"));
  EXPECT_TRUE(allows({{"thinking_token_budget", -1}, {"tools", json::array()}}, "abcdefgh"));
  EXPECT_THAT(error_of({{"thinking_token_budget", -2}}).message, HasSubstr("-2"));
}

TEST_F(ChatRulesTest, SchemasThatCannotBeHeldAreErrorsOnlyIfStrict) {
  json tool = {{"type", "function"},
               {"function",
                {{"name", "f"},
                 {"parameters",
                  {{"type", "object"},
                   {"properties", {{"a", {{"type", "string"}, {"format", "no-such-format"}}}}}}}}}};
  const json lax = {{"tools", json::array({tool})}, {"tool_choice", "required"}};
  EXPECT_TRUE(allows(lax, kCallF));
  tool["function"]["strict"] = true;
  const ApiError error = error_of({{"tools", json::array({tool})}, {"tool_choice", "required"}});
  EXPECT_EQ(error.http_status, 400);
  EXPECT_EQ(error.param, "tools");
  EXPECT_THAT(error.message, HasSubstr("\"f\""));
}

TEST(ToolPrompt, CallsAndResultsBecomeText) {
  const std::string messages =
      R"([{"role":"system","content":"Be kind."},{"role":"user","content":"Go"},)"
      R"({"role":"assistant","content":"","tool_calls":[{"id":"1","function":{"name":"f",)"
      R"("arguments":{"a":1}}},{"id":"2","function":{"name":"g"}}]},)"
      R"({"role":"tool","content":"one"},{"role":"tool","content":"two"},)"
      R"({"role":"user","content":"And?"}])";
  const json rewritten = json::parse(messages_with_tools(messages, kTools, false));
  ASSERT_EQ(rewritten.size(), 4u);
  EXPECT_THAT(rewritten[0]["content"], HasSubstr("Be kind.\n\nYou can call functions."));
  EXPECT_EQ(rewritten[2]["content"],
            "<tool_call>\n{\"name\":\"f\",\"arguments\":{\"a\":1}}\n</tool_call>\n"
            "<tool_call>\n{\"name\":\"g\",\"arguments\":{}}\n</tool_call>");
  EXPECT_EQ(rewritten[3]["role"], "user");
  EXPECT_EQ(rewritten[3]["content"],
            "<tool_response>\none\n</tool_response>\n<tool_response>\ntwo\n</tool_response>\nAnd?");
  const json alone = json::parse(messages_with_tools(messages, "", false));
  EXPECT_EQ(alone[0]["content"], "Be kind.");
  EXPECT_THAT(messages_with_tools(R"([{"role":"tool","content":"x"}])", "", false),
              HasSubstr(R"({"role":"user","content":"<tool_response>)"));
}

}  // namespace
}  // namespace trivet
