// The chat templates of known models, in the folder that TRIVET_TEST_TEMPLATES names
// (tools/fetch_test_templates; testdata/known_templates.json lists them): each is found to be of
// its dialect, and the calls that it writes into the history are read back.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "dialects/message_format.h"
#include "text/testdata/template_rendering.h"

namespace trivet {
namespace {

using nlohmann::json;

struct KnownTemplate {
  std::string file, dialect;
  int calls;  // that it writes back, of two; 0 = it writes none
};

std::vector<KnownTemplate> known_templates() {
  std::vector<KnownTemplate> templates;
  std::ifstream file(TRIVET_SOURCE_DIR "/src/dialects/testdata/known_templates.json");
  for (const json& row : json::parse(file)) {
    templates.push_back({row["file"], row["dialect"], row["calls"]});
  }
  return templates;
}

const char* const kSchemaOfWeather =
    R"({"type":"object","properties":{"city":{"type":"string","description":"c"},)"
    R"("days":{"type":"integer","description":"d"},"deep":{"type":"object","description":"o"}}})";
const char* const kSchemaOfNow =
    R"({"type":"object","properties":{"tz":{"type":"string","description":"z"}}})";
const json kWeather = {{"city", "São \"Paulo\""}, {"days", 3}, {"deep", {{"k", {1, true, "x"}}}}};
const json kNow = {{"tz", "UTC"}};

json function(const char* name, const char* key, const json& value) {
  return {{"type", "function"},
          {"function", {{"name", name}, {"description", name}, {key, value}}}};
}

// A conversation that ends with `count` calls; 0: with the user.
std::string conversation(int count) {
  json messages = json::array({{{"role", "user"}, {"content", "Hi"}}});
  if (count == 0) return messages.dump();
  json calls = json::array({function("get_weather", "arguments", kWeather)});
  if (count > 1) calls.push_back(function("now", "arguments", kNow));
  for (size_t i = 0; i < calls.size(); ++i) calls[i]["id"] = "abcdefgh" + std::to_string(i);
  messages.push_back({{"role", "assistant"}, {"content", ""}, {"tool_calls", calls}});
  return messages.dump();
}

Result<std::string> render(const std::string& source, int calls, bool prompt) {
  const json tools =
      json::array({function("get_weather", "parameters", json::parse(kSchemaOfWeather)),
                   function("now", "parameters", json::parse(kSchemaOfNow))});
  const std::string tools_json = tools.dump(), messages = conversation(calls);
  ChatInput input{.messages_json = messages, .tools_json = tools_json};
  input.add_generation_prompt = prompt;
  input.now = golden_time();
  return render_text(source, input);
}

// What the template writes for the assistant after the prompt that it gives to the model.
std::string written_calls(const std::string& source, int count) {
  const auto prompt = render(source, 0, true), history = render(source, count, false);
  const auto question = render(source, 0, false);
  if (!history || !question) {
    ADD_FAILURE() << (history ? question.error().message() : history.error().message());
    return "";
  }
  if (prompt && history->starts_with(*prompt)) return history->substr(prompt->size());
  return history->starts_with(*question) ? history->substr(question->size()) : *history;
}

class PackagedTemplates : public testing::TestWithParam<KnownTemplate> {};

TEST_P(PackagedTemplates, AreFoundToBeOfTheirDialectAndReadBack) {
  const char* folder = std::getenv("TRIVET_TEST_TEMPLATES");
  if (folder == nullptr) GTEST_SKIP() << "TRIVET_TEST_TEMPLATES is not set";
  std::ifstream file(std::filesystem::path(folder) / (GetParam().file + ".jinja"));
  const std::string source{std::istreambuf_iterator<char>(file), {}};
  ASSERT_FALSE(source.empty());
  MessageFormat format;
  format.dialect = &find_dialect(source);
  EXPECT_EQ(format.dialect->name, GetParam().dialect);
  if (GetParam().calls == 0) return;
  format.tools = {read_signature("get_weather", kSchemaOfWeather, false),
                  read_signature("now", kSchemaOfNow, false)};
  const std::string text = written_calls(source, GetParam().calls);
  const auto parser = format.make_parser("1");
  std::vector<ToolCallDelta> calls;
  for (const MessageDelta& delta : {parser->feed(text), parser->finish()}) {
    for (const ToolCallDelta& call : delta.tool_calls) {
      if (!call.id.empty()) calls.push_back({call.index, call.id, call.name, ""});
      calls.back().arguments += call.arguments;
    }
  }
  ASSERT_EQ(calls.size(), static_cast<size_t>(GetParam().calls)) << text;
  EXPECT_EQ(calls[0].name, "get_weather") << text;
  EXPECT_EQ(json::parse(calls[0].arguments, nullptr, false), kWeather) << text;
  if (calls.size() < 2) return;
  EXPECT_EQ(calls[1].name, "now") << text;
  EXPECT_EQ(json::parse(calls[1].arguments, nullptr, false), kNow) << text;
}

INSTANTIATE_TEST_SUITE_P(Known, PackagedTemplates, testing::ValuesIn(known_templates()),
                         [](const auto& info) {
                           std::string name = info.param.file;
                           for (char& c : name)
                             c = std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
                           return name;
                         });

}  // namespace
}  // namespace trivet
