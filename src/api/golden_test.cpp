// Runs the cases in testdata/: a request, what the engine answers, and the exact bytes that go out.
// A case is one file:
//   "endpoint": "chat" | "completion" | "tokenize" | "detokenize" | "models" | "model" | "version"
//   "request":  the body (an object, or a string that is sent as it is)
//   "model":    changes to the fake model: "max_model_len", "no_template", "temperature",
//               "dialect", "reasoning": names of rows
//   "engine":   outputs in order: {"prompt": i, "finished", "error": [code, message], "usage":
//   [prompt,
//               cached, completion], "prompt_logprobs": [null | position], "sequences": [{"index",
//               "text", "tokens", "logprobs": [position], "finish": "stop" | "length" | "abort",
//               "stop_reason"}]} where position = [[token, logprob, rank], ...], the chosen one
//               first
//   one of      "body": the answer; "error": the error body, with "status"; "events": data of the
//   stream
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "api/call.h"
#include "api/fake_text.h"

namespace trivet {
namespace {

using Json = nlohmann::ordered_json;

std::vector<std::string> case_files() {
  std::vector<std::string> files;
  for (const auto& entry :
       std::filesystem::directory_iterator(TRIVET_SOURCE_DIR "/src/api/testdata")) {
    if (entry.path().extension() == ".json") files.push_back(entry.path().string());
  }
  std::sort(files.begin(), files.end());
  return files;
}

TokenLogprob entry_of(const Json& json) {
  const float logprob = json[1].is_null() ? -INFINITY : json[1].get<float>();
  return {json[0].get<TokenId>(), logprob, json[2].get<int>()};
}

PositionLogprobs position_of(const Json& json) {
  PositionLogprobs position;
  position.chosen = entry_of(json[0]);
  for (size_t i = 1; i < json.size(); ++i) position.top.push_back(entry_of(json[i]));
  return position;
}

SequenceOutput sequence_of(const Json& json) {
  SequenceOutput sequence;
  sequence.index = json.value("index", 0);
  sequence.text = json.value("text", "");
  sequence.tokens = json.value("tokens", std::vector<TokenId>());
  for (const Json& position : json.value("logprobs", Json::array())) {
    sequence.logprobs.push_back(position_of(position));
  }
  const std::string finish = json.value("finish", "");
  if (finish == "stop") sequence.finish_reason = FinishReason::kStop;
  if (finish == "length") sequence.finish_reason = FinishReason::kLength;
  if (finish == "abort") sequence.finish_reason = FinishReason::kAbort;
  if (json.contains("stop_reason")) {
    const Json& reason = json["stop_reason"];
    if (reason.is_string()) sequence.stop_reason = reason.get<std::string>();
    if (reason.is_number()) sequence.stop_reason = reason.get<TokenId>();
  }
  return sequence;
}

ErrorCode code_of(const std::string& name) {
  for (int code = 0; code <= static_cast<int>(ErrorCode::kInternal); ++code) {
    if (error_code_name(static_cast<ErrorCode>(code)) == name) return static_cast<ErrorCode>(code);
  }
  throw std::runtime_error("no error code " + name);
}

RequestOutput output_of(const Json& json, const std::vector<std::string>& ids) {
  RequestOutput output;
  output.request_id = ids.at(json.value("prompt", size_t{0}));
  output.finished = json.value("finished", false);
  const auto usage = json.value("usage", std::vector<int>{0, 0, 0});
  output.usage = {usage[0], usage[1], usage[2]};
  for (const Json& sequence : json.value("sequences", Json::array())) {
    output.sequences.push_back(sequence_of(sequence));
  }
  for (const Json& position : json.value("prompt_logprobs", Json::array())) {
    output.prompt_logprobs.push_back(position.is_null() ? std::nullopt
                                                        : std::optional(position_of(position)));
  }
  if (json.contains("error")) {
    output.error = Error(code_of(json["error"][0]), json["error"][1].get<std::string>());
  }
  return output;
}

std::string bytes_of_events(const Json& events) {
  std::string bytes;
  for (const Json& event : events) {
    bytes += "data: " + (event.is_string() ? event.get<std::string>() : event.dump()) + "\n\n";
  }
  return bytes;
}

class GoldenTest : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    std::ifstream file(GetParam());
    case_ = Json::parse(file);
    const Json changes = case_.value("model", Json::object());
    model_.served.max_model_len = changes.value("max_model_len", 100);
    if (changes.value("no_template", false)) model_.served.chat_template = nullptr;
    if (changes.contains("temperature")) {
      model_.served.defaults.temperature = changes["temperature"].get<float>();
    }
    if (changes.contains("dialect")) {
      model_.served.dialect = dialect_named(changes["dialect"].get<std::string>());
    }
    if (changes.contains("reasoning")) {
      model_.served.reasoning = reasoning_named(changes["reasoning"].get<std::string>());
    }
    const Json& request = case_["request"];
    body_ = request.is_string() ? request.get<std::string>() : request.dump();
    endpoint_ = case_["endpoint"];
  }

  void expect_error(const std::optional<ApiError>& error) {
    ASSERT_TRUE(error) << "an error is expected";
    EXPECT_EQ(error->http_status, case_["status"].get<int>());
    EXPECT_EQ(encode_error(*error), case_["error"].dump());
  }

  void check_plain(const PlainAnswer& answer) {
    if (case_.contains("error")) return expect_error(answer.error);
    ASSERT_FALSE(answer.error) << answer.error->message;
    EXPECT_EQ(answer.body, case_["body"].dump());
  }

  void check_generation(ParsedCall parsed) {
    if (!parsed.call) {
      ASSERT_TRUE(case_.contains("error")) << parsed.error->message;
      return expect_error(parsed.error);
    }
    GenerationCall& call = *parsed.call;
    std::vector<std::string> ids;
    for (const EngineRequest& request : call.take_requests()) ids.push_back(request.id);
    std::string bytes;
    for (const Json& output : case_.value("engine", Json::array())) {
      EXPECT_FALSE(call.done()) << "outputs are left over";
      bytes += call.encode(output_of(output, ids));
    }
    EXPECT_TRUE(call.done());
    EXPECT_EQ(call.streamed(), case_.contains("events"));
    if (case_.contains("events")) {
      EXPECT_EQ(bytes, bytes_of_events(case_["events"]));
      return;
    }
    EXPECT_EQ(bytes, "");
    if (case_.contains("error")) return expect_error(call.error());
    ASSERT_FALSE(call.error()) << call.error()->message;
    EXPECT_EQ(call.body(), case_["body"].dump());
  }

  Json case_;
  std::string body_, endpoint_;
  FakeModel model_;
  CallContext context_{"1", "tenant", 1};
};

TEST_P(GoldenTest, GivesTheExactBytes) {
  const ServedModel& model = model_.served;
  if (endpoint_ == "chat") return check_generation(parse_chat_completion(body_, model, context_));
  if (endpoint_ == "completion") return check_generation(parse_completion(body_, model, context_));
  if (endpoint_ == "tokenize") return check_plain(answer_tokenize(body_, model));
  if (endpoint_ == "detokenize") return check_plain(answer_detokenize(body_, model));
  if (endpoint_ == "models") return check_plain(answer_models(model));
  if (endpoint_ == "model") return check_plain(answer_model(body_, model));
  if (endpoint_ == "version") return check_plain(answer_version());
  FAIL() << "no endpoint " << endpoint_;
}

INSTANTIATE_TEST_SUITE_P(Cases, GoldenTest, testing::ValuesIn(case_files()), [](const auto& info) {
  return std::filesystem::path(info.param).stem().string();
});

}  // namespace
}  // namespace trivet
