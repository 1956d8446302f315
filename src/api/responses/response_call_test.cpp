#include "api/responses/response_call.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>

#include "api/fake_text.h"
#include "api/responses/responses.h"
#include "api/responses/stored_response.h"

namespace trivet {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using Json = nlohmann::ordered_json;

struct Event {
  std::string name;
  Json data;
};

std::vector<Event> events_of(const std::string& bytes) {
  std::vector<Event> events;
  size_t at = 0;
  while (at < bytes.size()) {
    const size_t end = bytes.find("\n\n", at);
    const std::string event = bytes.substr(at, end - at);
    const size_t line = event.find('\n');
    EXPECT_TRUE(event.starts_with("event: ") && event.substr(line + 1).starts_with("data: "))
        << event;
    events.push_back({event.substr(7, line - 7), Json::parse(event.substr(line + 7))});
    EXPECT_EQ(events.back().data["type"], events.back().name);
    at = end + 2;
  }
  return events;
}

class FakeHistory final : public ResponseHistory {
 public:
  using Texts = std::vector<std::string>;
  std::map<std::string, Texts, std::less<>> responses, conversations;
  std::map<std::string, std::string, std::less<>> items;

  Result<Texts> turns(std::string_view response) override { return find(responses, response); }
  Result<Texts> conversation(std::string_view id) override { return find(conversations, id); }
  Result<std::string> item(std::string_view id) override { return find(items, id); }

 private:
  template <class Map>
  static Result<typename Map::mapped_type> find(const Map& map, std::string_view id) {
    const auto found = map.find(id);
    if (found != map.end()) return found->second;
    return Error(ErrorCode::kNotFound, "there is no " + std::string(id));
  }
};

class ResponseCallTest : public testing::Test {
 protected:
  std::unique_ptr<ResponseCall> call_for(const std::string& fields) {
    ParsedResponse parsed = parse_response(R"({"model":"m","input":"Hi")" + fields + "}",
                                           model_.served, kContext, "resp_ab", history_);
    EXPECT_FALSE(parsed.error) << parsed.error->message;
    ignored_ = parsed.ignored_fields;
    return std::move(parsed.call);
  }
  ApiError error_of(const std::string& body) {
    ParsedResponse parsed = parse_response(body, model_.served, kContext, "resp_ab", history_);
    EXPECT_FALSE(parsed.call) << body;
    return parsed.error.value_or(ApiError{});
  }
  static RequestOutput output(const std::string& text, FinishReason finish = FinishReason::kNone) {
    RequestOutput output;
    output.request_id = "any";
    output.sequences.push_back({0, text, {1}, {}, finish, {}});
    output.finished = finish != FinishReason::kNone;
    output.usage = {5, 2, 3};
    return output;
  }

  FakeModel model_;
  FakeHistory history_;
  std::vector<std::string> ignored_;
};

TEST_F(ResponseCallTest, StreamsTheFullSequenceOfEvents) {
  const auto call = call_for(R"(,"stream":true,"temperature":0.5)");
  std::string bytes = call->encode(output("Hel"));
  bytes += call->encode(output("lo"));
  bytes += call->encode(output("", FinishReason::kStop));
  const std::string created =
      R"("response":{"id":"resp_ab","object":"response","created_at":1000,"status":"in_progress",)"
      R"("background":false,"error":null,"incomplete_details":null,"model":"m","output":[],)"
      R"("previous_response_id":null,"store":true,"temperature":0.5,"top_p":1.0,"instructions":null,)"
      R"("max_output_tokens":null,"top_logprobs":0,"truncation":"disabled","service_tier":"default",)"
      R"("prompt_cache_key":null,"safety_identifier":null,"max_tool_calls":null,"user":null,)"
      R"("text":{"format":{"type":"text"}},"reasoning":{"effort":null,"summary":null},"metadata":{},)"
      R"("tools":[],"tool_choice":"auto","parallel_tool_calls":true,"usage":null}})";
  const std::string item = R"("item_id":"msg_ab_0","output_index":0,"content_index":0,)";
  const std::string text =
      R"("part":{"type":"output_text","text":"Hello","annotations":[],"logprobs":[]}})";
  const std::string done_item =
      R"({"id":"msg_ab_0","type":"message","status":"completed","role":"assistant","content":)"
      R"([{"type":"output_text","text":"Hello","annotations":[],"logprobs":[]}]})";
  std::string completed = created;
  completed.replace(completed.find("in_progress"), 11, "completed");
  completed.replace(completed.find(R"("output":[])"), 11, R"("output":[)" + done_item + "]");
  completed.replace(
      completed.find(R"("usage":null)"), 12,
      R"("usage":{"input_tokens":5,"input_tokens_details":{"cached_tokens":2},)"
      R"("output_tokens":3,"output_tokens_details":{"reasoning_tokens":0},"total_tokens":8})");
  int number = 0;
  const auto event = [&number](const std::string& name, const std::string& rest) {
    return "event: " + name + "\ndata: {\"type\":\"" + name +
           "\",\"sequence_number\":" + std::to_string(number++) + "," + rest + "\n\n";
  };
  std::string wanted = event("response.created", created);
  wanted += event("response.in_progress", created);
  wanted +=
      event("response.output_item.added",
            R"("output_index":0,"item":{"id":"msg_ab_0","type":"message","status":"in_progress",)"
            R"("role":"assistant","content":[]}})");
  wanted +=
      event("response.content_part.added",
            item + R"("part":{"type":"output_text","text":"","annotations":[],"logprobs":[]}})");
  wanted += event("response.output_text.delta", item + R"("delta":"Hel","logprobs":[]})");
  wanted += event("response.output_text.delta", item + R"("delta":"lo","logprobs":[]})");
  wanted += event("response.output_text.done", item + R"("text":"Hello","logprobs":[]})");
  wanted += event("response.content_part.done", item + text);
  wanted += event("response.output_item.done", R"("output_index":0,"item":)" + done_item + "}");
  wanted += event("response.completed", completed);
  EXPECT_EQ(bytes, wanted);
  EXPECT_TRUE(call->done());
}

TEST_F(ResponseCallTest, GivesReasoningTextAndCallsTheirOwnItems) {
  ResponseEvents events;
  OutputItems items("x", &events);
  items.add({.reasoning = "hm"}, "");
  items.add({.reasoning = "m"}, "");
  items.add({.content = "\n\n"}, "");
  items.add({.content = "Let me see."}, "");
  items.add({.tool_calls = {{0, "call_0", "f", ""}}}, "");
  items.add({.tool_calls = {{0, "", "", "{\"a\":"}}}, "");
  items.add({.tool_calls = {{0, "", "", "1}"}, {1, "call_1", "g", "{}"}}}, "");
  items.close("completed");
  std::vector<std::string> names;
  for (const Event& event : events_of(events.take())) {
    EXPECT_EQ(event.data["sequence_number"], names.size());
    names.push_back(event.name.substr(9));
  }
  EXPECT_THAT(names,
              ElementsAre("output_item.added", "content_part.added", "reasoning_text.delta",
                          "reasoning_text.delta", "reasoning_text.done", "content_part.done",
                          "output_item.done", "output_item.added", "content_part.added",
                          "output_text.delta", "output_text.done", "content_part.done",
                          "output_item.done", "output_item.added", "function_call_arguments.delta",
                          "function_call_arguments.delta", "function_call_arguments.done",
                          "output_item.done", "output_item.added", "function_call_arguments.delta",
                          "function_call_arguments.done", "output_item.done"));
  std::string json;
  JsonWriter writer(json);
  items.write(writer);
  const Json written = Json::parse(json);
  EXPECT_EQ(written[0]["content"][0]["text"], "hmm");
  EXPECT_EQ(written[1]["content"][0]["text"], "Let me see.");
  EXPECT_EQ(written[2]["arguments"], "{\"a\":1}");
  EXPECT_EQ(written[3]["call_id"], "call_1");
  ChatMessageBuilder chat;
  items.write_messages(chat);
  const Json messages = Json::parse("[" + chat.take() + "]");
  ASSERT_EQ(messages.size(), 1u);
  EXPECT_EQ(messages[0]["reasoning_content"], "hmm");
  EXPECT_EQ(messages[0]["content"], "Let me see.");
  EXPECT_EQ(messages[0]["tool_calls"].size(), 2u);
}

TEST_F(ResponseCallTest, TheWholeAnswerHoldsWhatTheStreamEndsWith) {
  const auto streamed = call_for(R"(,"stream":true)"), whole = call_for("");
  std::vector<Event> events;
  for (const char* text : {" a", "b", "c "}) {
    for (Event& event : events_of(streamed->encode(output(text)))) events.push_back(event);
    EXPECT_EQ(whole->encode(output(text)), "");
  }
  for (Event& event : events_of(streamed->encode(output("", FinishReason::kLength)))) {
    events.push_back(event);
  }
  whole->encode(output("", FinishReason::kLength));
  const Json last = events.back().data["response"];
  EXPECT_EQ(events.back().name, "response.incomplete");
  EXPECT_EQ(last["incomplete_details"]["reason"], "max_output_tokens");
  EXPECT_EQ(last["output"][0]["status"], "incomplete");
  EXPECT_EQ(last.dump(), whole->body());
}

TEST_F(ResponseCallTest, EndsWithFailureOrCancellation) {
  const auto failed = call_for(R"(,"stream":true)");
  RequestOutput broken;
  broken.finished = true;
  broken.error = Error(ErrorCode::kInternal, "it broke");
  const auto events = events_of(failed->encode(broken));
  EXPECT_EQ(events.back().name, "response.failed");
  EXPECT_EQ(events.back().data["response"]["error"]["message"], "it broke");
  EXPECT_EQ(events.back().data["response"]["error"]["code"], "server_error");
  const auto cancelled = call_for(R"(,"background":true,"stream":true)");
  EXPECT_EQ(cancelled->status(), "queued");
  std::string begun = cancelled->open();
  begun += cancelled->begin();
  std::vector<std::string> names;
  for (const Event& event : events_of(begun)) names.push_back(event.name);
  EXPECT_THAT(names, ElementsAre("response.created", "response.queued", "response.in_progress"));
  cancelled->cancel();
  EXPECT_EQ(Json::parse(cancelled->body())["status"], "cancelled");
  EXPECT_EQ(cancelled->encode(output("late")), "");
}

TEST_F(ResponseCallTest, BuildsTheChatOutOfItemsAndEarlierTurns) {
  history_.responses["resp_0"] = {R"([{"role":"user","content":"one"}])", "[]"};
  const ParsedResponse parsed = parse_response(
      R"({"instructions":"Be brief.","previous_response_id":"resp_0","input":[)"
      R"({"role":"developer","content":"Obey."},{"type":"message","role":"user","content":[{"type":"input_text",)"
      R"("text":"a"},{"type":"input_text","text":"b"}]},)"
      R"({"type":"reasoning","summary":[],"content":[{"type":"reasoning_text","text":"hm"}]},)"
      R"({"type":"function_call","call_id":"c","name":"f","arguments":"{}"},)"
      R"({"type":"web_search_call","id":"w"},)"
      R"({"type":"function_call_output","call_id":"c","output":"42"}]})",
      model_.served, kContext, "resp_ab", history_);
  ASSERT_TRUE(parsed.call) << parsed.error->message;
  EXPECT_THAT(parsed.ignored_fields, ElementsAre("input[4].web_search_call"));
  const Json messages = Json::parse(model_.chat_template.messages);
  std::vector<std::string> roles;
  for (const Json& message : messages) roles.push_back(message["role"]);
  EXPECT_THAT(roles, ElementsAre("system", "user", "system", "user", "assistant", "tool"));
  EXPECT_EQ(messages[3]["content"], "a\nb");
  EXPECT_EQ(messages[4]["tool_calls"][0]["id"], "c");
  EXPECT_EQ(messages[5]["tool_call_id"], "c");
  // The turn that is stored: what came and what was answered, without instructions and history.
  const Json turn = Json::parse(parsed.call->turn());
  EXPECT_EQ(turn.size(), 4u);
  EXPECT_EQ(Json::parse(parsed.call->request().input_items).size(), 5u);
}

TEST_F(ResponseCallTest, GoesOnFromTheItemsOfAConversation) {
  history_.conversations["conv_1"] = {
      R"({"id":"m1","type":"message","role":"user","content":[{"type":"input_text","text":"one"}]})",
      R"({"id":"r1","type":"reasoning","summary":[],"content":[{"type":"reasoning_text","text":"hm"}]})",
      R"({"id":"m2","type":"message","role":"assistant","content":[{"type":"output_text","text":"two"}]})"};
  const auto call = call_for(R"(,"instructions":"Be brief.","conversation":{"id":"conv_1"})");
  const Json messages = Json::parse(model_.chat_template.messages);
  ASSERT_EQ(messages.size(), 4u);
  EXPECT_EQ(messages[1]["content"], "one");
  EXPECT_EQ(messages[2]["content"], "two");
  EXPECT_EQ(messages[2]["reasoning_content"], "hm");
  EXPECT_EQ(messages[3]["content"], "Hi");
  EXPECT_EQ(call->request().conversation, "conv_1");
  EXPECT_EQ(Json::parse(call->body())["conversation"]["id"], "conv_1");
  // The turn is only what this request brought.
  EXPECT_EQ(Json::parse(call->turn()).size(), 1u);
}

TEST_F(ResponseCallTest, PutsAReferencedItemInItsPlace) {
  history_.items["fc_1"] =
      R"({"id":"fc_1","type":"function_call","call_id":"c","name":"f","arguments":"{}"})";
  const ParsedResponse parsed = parse_response(
      R"({"input":[{"role":"user","content":"a"},{"type":"item_reference","id":"fc_1"},)"
      R"({"type":"function_call_output","call_id":"c","output":"42"},{"id":"fc_1"}]})",
      model_.served, kContext, "resp_ab", history_);
  ASSERT_TRUE(parsed.call) << parsed.error->message;
  const Json messages = Json::parse(model_.chat_template.messages);
  ASSERT_EQ(messages.size(), 4u);
  EXPECT_EQ(messages[1]["tool_calls"][0]["id"], "c");
  EXPECT_EQ(messages[3]["tool_calls"][0]["id"], "c");
  const Json items = Json::parse(parsed.call->request().input_items);
  EXPECT_EQ(items[1]["id"], "fc_1");
  EXPECT_EQ(items[1]["type"], "function_call");
}

TEST_F(ResponseCallTest, BoundsReferencesAndFollowsNoneFurther) {
  history_.items["m"] = R"({"role":"user","content":"x"})";
  history_.items["loop"] = R"({"type":"item_reference","id":"loop"})";
  std::string many;
  for (int i = 0; i < 257; ++i) many += std::string(i == 0 ? "" : ",") + R"({"id":"m"})";
  EXPECT_THAT(error_of(R"({"input":[)" + many + "]}").message, HasSubstr("at most 256"));
  EXPECT_THAT(error_of(R"({"input":[{"id":"loop"}]})").message, HasSubstr("reference itself"));
  EXPECT_EQ(error_of(R"({"input":[{"id":"gone"}]})").http_status, 404);
}

TEST_F(ResponseCallTest, HandsTheChatWhatItCallsOtherwise) {
  const auto call = call_for(
      R"(,"max_output_tokens":7,"top_k":3,"tools":[{"type":"function","name":"f","parameters":{"type":)"
      R"("object"}},{"type":"web_search"}],"include":["message.output_text.logprobs"],"top_logprobs":2)");
  EXPECT_THAT(ignored_, testing::Contains("tools[1].web_search"));
  const EngineRequest request = call->take_requests().at(0);
  EXPECT_EQ(request.params.max_tokens, 7);
  EXPECT_EQ(request.params.top_k, 3);
  EXPECT_EQ(request.params.logprobs, 2);
  EXPECT_EQ(request.tenant, "acme");
  const Json tools = Json::parse(model_.chat_template.tools);
  ASSERT_EQ(tools.size(), 1u);
  EXPECT_EQ(tools[0]["function"]["name"], "f");
}

TEST_F(ResponseCallTest, TheIdDecidesTheSeedUnlessTheRequestDoes) {
  const uint64_t seed = call_for("")->take_requests().at(0).params.seed.value();
  EXPECT_EQ(call_for("")->take_requests().at(0).params.seed, seed);
  EXPECT_EQ(call_for(R"(,"seed":7)")->take_requests().at(0).params.seed, 7u);
}

TEST_F(ResponseCallTest, NamesTheFieldThatIsWrong) {
  for (const auto& [fields, param] : std::vector<std::pair<std::string, std::string>>{
           {R"("input":[])", "input"},
           {R"("input":"x","max_output_tokens":0)", "max_output_tokens"},
           {R"("input":"x","n":2)", "n"},
           {R"("input":"x","conversation":"c")", "conversation"},
           {R"("input":"x","conversation":{})", "conversation"},
           {R"("input":"x","conversation":"c","store":false)", "conversation"},
           {R"("input":"x","conversation":"c","previous_response_id":"r")", "conversation"},
           {R"("input":"x","prompt":{"id":"p"})", "prompt"},
           {R"("input":"x","tool_choice":{"type":"web_search"})", "tool_choice"},
           {R"("input":[{"type":"item_reference","id":"i"}])", "input"},
           {R"("input":[{"role":"user","content":[{"type":"input_image"}]}])", "input"},
           {R"("input":"x","previous_response_id":"resp_9")", "previous_response_id"},
           {R"("input":"x","text":{"format":{"type":"json_schema","name":"n"}})",
            "text.format.schema"}}) {
    EXPECT_EQ(error_of("{" + fields + "}").param.value_or(""), param) << fields;
  }
}

TEST(StoredResponse, GivesPagesOfItems) {
  const std::string items = R"([{"id":"a"},{"id":"b"},{"id":"c"}])";
  EXPECT_EQ(
      page_of_items(items, "", 2, false),
      R"({"object":"list","data":[{"id":"a"},{"id":"b"}],"first_id":"a","last_id":"b","has_more":true})");
  EXPECT_EQ(
      page_of_items(items, "b", 2, false),
      R"({"object":"list","data":[{"id":"c"}],"first_id":"c","last_id":"c","has_more":false})");
  EXPECT_EQ(
      page_of_items(items, "c", 5, true),
      R"({"object":"list","data":[{"id":"b"},{"id":"a"}],"first_id":"b","last_id":"a","has_more":false})");
  EXPECT_EQ(page_of_items(items, "none", 5, true),
            R"({"object":"list","data":[],"first_id":null,"last_id":null,"has_more":false})");
}

TEST(StoredResponse, MarksAFailureAndKeepsTheRest) {
  EXPECT_EQ(with_failure(R"({"id":"a","status":"in_progress","error":null})", "gone"),
            R"({"id":"a","status":"failed","error":{"code":"server_error","message":"gone"}})");
}

}  // namespace
}  // namespace trivet
