// Runs the cases in testdata/: a request, what the engine answers, and the exact bytes that go out.
// A case is one file:
//   "endpoint": "chat", "completion", ...: see GivesTheExactBytes
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
//               stream, or [name, data] where events have names; "lines": of a stream of lines
//   "rendered": what the template was given: "messages", "tools", "extra" (JSON)
//   "params":   of the first prompt for the engine: "tokens", "max_tokens", "temperature", "top_k",
//               "stop", "banned"
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "api/anthropic/messages_api.h"
#include "api/call.h"
#include "api/fake_text.h"
#include "api/llama_cpp/llama_cpp_api.h"
#include "api/ollama/ollama_api.h"

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
    const bool named = event.is_array();
    const Json& data = named ? event[1] : event;
    if (named) bytes += "event: " + event[0].get<std::string>() + "\n";
    bytes += "data: " + (data.is_string() ? data.get<std::string>() : data.dump()) + "\n\n";
  }
  return bytes;
}

std::string bytes_of_lines(const Json& lines) {
  std::string bytes;
  for (const Json& line : lines) bytes += line.dump() + "\n";
  return bytes;
}

ErrorEncoder error_encoder(std::string_view endpoint) {
  if (endpoint == "messages" || endpoint == "count_tokens") return encode_anthropic_error;
  if (endpoint.starts_with("ollama")) return encode_ollama_error;
  if (endpoint.starts_with("native") || endpoint == "infill") return encode_llama_cpp_error;
  return encode_error;
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
    EXPECT_EQ(error_encoder(endpoint_)(*error), case_["error"].dump());
  }

  void check_plain(const PlainAnswer& answer) {
    if (case_.contains("error")) return expect_error(answer.error);
    ASSERT_FALSE(answer.error) << answer.error->message;
    EXPECT_EQ(answer.body, case_["body"].dump());
  }

  // Compared as text: a value of JSON cannot be printed by the test library.
  void expect_field(const Json& wanted, const char* name, const std::string& got) {
    if (wanted.contains(name)) {
      EXPECT_EQ(got, wanted[name].dump()) << name;
    }
  }

  void check_rendered() {
    if (!case_.contains("rendered")) return;
    const Json& wanted = case_["rendered"];
    const FakeTemplate& given = model_.chat_template;
    expect_field(wanted, "messages", given.messages);
    expect_field(wanted, "tools", given.tools);
    expect_field(wanted, "extra", given.extra);
    EXPECT_EQ(given.continue_final_message, wanted.value("continues", false));
  }

  void check_params(const EngineRequest& request) {
    const Json wanted = case_.value("params", Json::object());
    const GenerationParams& params = request.params;
    expect_field(wanted, "tokens", Json(request.prompt).dump());
    expect_field(wanted, "max_tokens", Json(params.max_tokens.value_or(-1)).dump());
    expect_field(wanted, "top_k", Json(params.top_k).dump());
    expect_field(wanted, "stop", Json(params.stop).dump());
    expect_field(wanted, "banned", Json(params.banned_tokens).dump());
    EXPECT_FLOAT_EQ(params.temperature, wanted.value("temperature", params.temperature));
  }

  void check_ollama(OllamaAnswer answer) {
    if (auto* plain = std::get_if<PlainAnswer>(&answer)) {
      if (!plain->error) plain->body.pop_back();  // the end of the line
      return check_plain(*plain);
    }
    check_generation(std::get<ParsedCall>(std::move(answer)));
  }

  void check_generation(ParsedCall parsed) {
    if (!parsed.call) {
      ASSERT_TRUE(case_.contains("error")) << parsed.error->message;
      return expect_error(parsed.error);
    }
    GenerationCall& call = *parsed.call;
    std::vector<std::string> ids;
    for (const EngineRequest& request : call.take_requests()) {
      if (ids.empty()) check_params(request);
      ids.push_back(request.id);
    }
    check_rendered();
    std::string bytes;
    for (const Json& output : case_.value("engine", Json::array())) {
      EXPECT_FALSE(call.done()) << "outputs are left over";
      bytes += call.encode(output_of(output, ids));
    }
    EXPECT_TRUE(call.done());
    const bool has_lines = case_.contains("lines");
    EXPECT_EQ(call.streamed(), case_.contains("events") || has_lines);
    if (call.streamed()) {
      EXPECT_EQ(bytes,
                has_lines ? bytes_of_lines(case_["lines"]) : bytes_of_events(case_["events"]));
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
  if (endpoint_ == "messages") return check_generation(parse_messages(body_, model, context_));
  if (endpoint_ == "count_tokens") return check_plain(answer_count_tokens(body_, model));
  if (endpoint_ == "ollama_chat") return check_ollama(answer_ollama_chat(body_, model, context_));
  if (endpoint_ == "ollama_generate") {
    return check_ollama(answer_ollama_generate(body_, model, context_));
  }
  if (endpoint_ == "ollama_show") return check_plain(answer_ollama_show(body_, model));
  if (endpoint_ == "ollama_ps") return check_plain(answer_ollama_ps(model));
  if (endpoint_ == "native") {
    return check_generation(parse_native_completion(body_, model, context_));
  }
  if (endpoint_ == "infill") return check_generation(parse_infill(body_, model, context_));
  if (endpoint_ == "native_props") return check_plain(answer_props(model));
  if (endpoint_ == "native_template") return check_plain(answer_apply_template(body_, model));
  FAIL() << "no endpoint " << endpoint_;
}

INSTANTIATE_TEST_SUITE_P(Cases, GoldenTest, testing::ValuesIn(case_files()), [](const auto& info) {
  return std::filesystem::path(info.param).stem().string();
});

}  // namespace
}  // namespace trivet
