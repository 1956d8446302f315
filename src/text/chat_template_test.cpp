// Against what Hugging Face's apply_chat_template makes of the same conversations
// (testdata/chat_templates.json, written by tools/golden/chat_template_goldens.py).
#include "text/chat_template.h"

#include <gmock/gmock.h>

#include <chrono>
#include <fstream>
#include <nlohmann/json.hpp>

namespace trivet {
namespace {

using json = nlohmann::ordered_json;  // templates print objects in the order of the request
using testing::HasSubstr;

// The goldens' moment: Saturday, 6 July 2024, 15:04:09.
std::tm golden_time() {
  std::tm time{};
  time.tm_year = 124, time.tm_mon = 6, time.tm_mday = 6;
  time.tm_hour = 15, time.tm_min = 4, time.tm_sec = 9;
  time.tm_wday = 6, time.tm_yday = 187;
  return time;
}

Result<std::string> render_text(std::string_view source, const ChatInput& input) {
  const auto compiled = ChatTemplate::compile(source, "<BOS>", "<EOS>");
  if (!compiled.ok()) return compiled.error();
  return (*compiled)->render(input);
}

Result<std::string> render_golden_input(const std::string& source, const json& values) {
  const std::string messages = values["messages"].dump();
  const std::string tools = values.contains("tools") ? values["tools"].dump() : "";
  const std::string extra = values.contains("extra") ? values["extra"].dump() : "";
  ChatInput input{.messages_json = messages, .tools_json = tools, .extra_json = extra};
  input.add_generation_prompt = values.value("add_generation_prompt", true);
  input.continue_final_message = values.value("continue_final_message", false);
  input.now = golden_time();
  return render_text(source, input);
}

void expect_golden(const json& golden) {
  for (const auto& item : golden["templates"]) {
    int texts = 0;
    for (const auto& [key, expected] : item["results"].items()) {
      SCOPED_TRACE(item["name"].get<std::string>() + ", " + key);
      const auto text = render_golden_input(item["template"], golden["inputs"][key]);
      if (expected.contains("text")) {
        ++texts;
        EXPECT_TRUE(text.ok()) << text.error().message();
        if (text.ok()) {
          EXPECT_EQ(*text, expected["text"].get<std::string>());
        }
        continue;
      }
      EXPECT_FALSE(text.ok()) << "Python: " << expected["error"] << "\nhere: " << *text;
      if (text.ok()) continue;
      EXPECT_EQ(text.error().code(), ErrorCode::kInvalidArgument);
      if (expected["raised"]) {
        EXPECT_EQ(text.error().message(), expected["error"].get<std::string>());
      }
    }
    EXPECT_GT(texts, 0) << item["name"] << " never renders, so it shows nothing";
  }
}

TEST(ChatTemplate, EqualsApplyChatTemplate) {
  const json golden =
      json::parse(std::ifstream(TRIVET_SOURCE_DIR "/src/text/testdata/chat_templates.json"));
  ASSERT_GE(golden["templates"].size(), 7u);
  expect_golden(golden);
}

constexpr std::string_view kOneMessage = R"([{"role": "user", "content": "hi"}])";

// The message of the error, or "" after a failure: text, or not at once.
std::string quick_error(std::string_view source, const ChatInput& input = {kOneMessage}) {
  const auto start = std::chrono::steady_clock::now();
  const auto text = render_text(source, input);
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  EXPECT_LT(seconds.count(), 10) << source.substr(0, 200);
  EXPECT_FALSE(text.ok()) << source.substr(0, 200) << ": " << text->size() << " bytes";
  if (text.ok()) return "";
  EXPECT_EQ(text.error().code(), ErrorCode::kInvalidArgument) << source.substr(0, 200);
  return text.error().message();
}

std::string repeat(std::string_view text, int count) {
  std::string result;
  for (int i = 0; i < count; ++i) result += text;
  return result;
}

TEST(ChatTemplate, LoopsWithoutEndAreStopped) {
  quick_error("{% for i in range(10**9) %}{% endfor %}");
  quick_error("{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}");
  quick_error("{% set x = namespace(n=0) %}" + repeat("{% for i in range(9999) %}", 9) +
              "{% set x.n = x.n + 1 %}" + repeat("{% endfor %}", 9));
}

TEST(ChatTemplate, TextsThatGrowWithoutEndAreStopped) {
  quick_error("{{ 'x' * 10**10 }}");
  quick_error("{% set x = 'x' * 10**10 %}");
  quick_error("{{ ['x'] * 10**10 }}");
  quick_error("{{ (('x' * 100000) * 100000)|length }}");
  quick_error(
      "{% set x = namespace(s='x') %}{% for i in range(60) %}"
      "{% set x.s = x.s ~ x.s %}{% endfor %}");
  quick_error(
      "{% set x = namespace(s='x') %}{% for i in range(60) %}"
      "{% set x.s = x.s + x.s %}{% endfor %}");
  quick_error(
      "{% set x = namespace(s=[1]) %}{% for i in range(60) %}"
      "{% set x.s = [x.s, x.s] %}{% endfor %}{{ x.s }}");
  quick_error("{% set a = 'a' * 100000 %}{% set b = a.replace('a', a) %}{{ b|length }}");
  quick_error("{% set a = 'a' * 100000 %}{% set b = a|replace('a', a) %}{{ b|length }}");
  quick_error("{% set a = 'a' * 100000 %}{% set b = a|list|join(a) %}{{ b|length }}");
  quick_error("{% set a = 'a' * 100000 %}{% set b = a.join(a) %}{{ b|length }}");
  quick_error("{% set a = 'a\n' * 100000 %}{{ (a|indent(100000))|length }}");
  quick_error("{{ ('x'|indent(10**10, true))|length }}");
  quick_error("{{ [[1]]|tojson(indent=10**10) }}");
  quick_error("{{ '%9999999999d'|format(1) }}");
  quick_error("{{ '{:>9999999999}'.format(1)|length }}");
  quick_error("{{ '{:.9999999999f}'.format(1.5)|length }}");
}

TEST(ChatTemplate, OutputIsBounded) {
  EXPECT_THAT(
      quick_error("{% set x = 'x' * 1000000 %}{% for i in range(999) %}{{ x }}{% endfor %}"),
      HasSubstr("wrote more than 33554432 bytes"));
  const auto large = render_text("{{ 'x' * 10000000 }}", {kOneMessage});
  ASSERT_TRUE(large.ok()) << large.error().message();
  EXPECT_EQ(large->size(), 10'000'000u);
}

TEST(ChatTemplate, DeepRecursionIsStopped) {
  quick_error("{% macro m(n) %}{{ m(n + 1) }}{% endmacro %}{{ m(0) }}");
  quick_error(
      "{% macro a() %}{{ b() }}{% endmacro %}{% macro b() %}{{ a() }}{% endmacro %}{{ a() }}");
  quick_error("{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}");
  quick_error("{% macro m() %}{% call m() %}{{ caller() }}{% endcall %}{% endmacro %}{{ m() }}");
}

TEST(ChatTemplate, DeepNestingInTheSourceIsRefused) {
  const int depth = 2'000;
  quick_error("{{ " + repeat("(", depth) + "1" + repeat(")", depth) + " }}");
  quick_error("{{ " + repeat("[", depth) + repeat("]", depth) + " }}");
  quick_error("{{ " + repeat("{1:", depth) + "1" + repeat("}", depth) + " }}");
  quick_error(repeat("{% if 1 %}", 20'000) + repeat("{% endif %}", 20'000));
  quick_error("{{ x" + repeat("[x", depth) + repeat("]", depth) + " }}");
}

// Each link nests the expression one deeper.
TEST(ChatTemplate, LongChainsInTheSourceAreRefused) {
  for (const char* link : {"~x", "+x", " and x", " or x", "|list", ".x", "[0]", "()", " == x",
                           "|replace('a','b')", " is defined", " if x", " if x else x", "~'}}'"}) {
    EXPECT_THAT(quick_error("{{ x" + repeat(link, 50'000) + " }}"), HasSubstr("expression of"));
    (void)render_text("{{ x" + repeat(link, 500) + " }}", {kOneMessage});
  }
  for (const char* link : {"not ", "-"}) {
    EXPECT_THAT(quick_error("{{ " + repeat(link, 50'000) + "1 }}"), HasSubstr("expression of"));
  }
}

TEST(ChatTemplate, TheLongestAllowedChainsAreHarmless) {
  const int bytes = 16'300;
  for (const std::string link : {"~x", "+x", ".x", "()", "[0]", "|e", " or x", "<x"}) {
    (void)render_text("{{ x" + repeat(link, bytes / static_cast<int>(link.size())) + " }}",
                      {kOneMessage});
  }
  (void)render_text("{{ " + repeat("-", bytes) + "1 }}", {kOneMessage});
}

TEST(ChatTemplate, DeeplyNestedValuesAreStopped) {
  quick_error(
      "{% set x = namespace(s=[]) %}{% for i in range(90000) %}"
      "{% set x.s = [x.s] %}{% endfor %}{{ x.s }}");
  quick_error(
      "{% set x = namespace(s=[]) %}{% for i in range(90000) %}"
      "{% set x.s = [x.s] %}{% endfor %}{{ x.s|tojson }}");
  quick_error("{% set x = namespace() %}{% set x.s = x %}{{ x }}");
  const std::string nested = repeat("[", 100'000) + repeat("]", 100'000);
  quick_error("{{ messages }}", {.messages_json = nested});
  quick_error("{{ x }}", {.messages_json = kOneMessage, .extra_json = "{\"x\": " + nested + "}"});
}

TEST(ChatTemplate, NumbersOutOfRangeAreErrors) {
  quick_error("{{ 10**1000 }}");
  quick_error("{{ 2**(10**9) }}");
  quick_error("{{ 1 // 0 }}");
  quick_error("{{ 1 % 0 }}");
}

TEST(ChatTemplate, WhatTheTemplateRaisesIsTheWholeMessage) {
  EXPECT_EQ(quick_error("{{ raise_exception('roles must alternate') }}"), "roles must alternate");
  EXPECT_EQ(
      quick_error("{% macro m() %}{{ raise_exception('in a macro') }}{% endmacro %}{{ m() }}"),
      "in a macro");
}

TEST(ChatTemplate, UndefinedCallsAndAttributesAreErrors) {
  EXPECT_THAT(quick_error("{{ no_such_function(1) }}"), HasSubstr("no_such_function"));
  EXPECT_THAT(quick_error("{{ messages|no_such_filter }}"), HasSubstr("no_such_filter"));
  EXPECT_THAT(quick_error("{{ 1 is no_such_test }}"), HasSubstr("no_such_test"));
  EXPECT_THAT(quick_error("{{ 'x'.no_such_method() }}"), HasSubstr("no_such_method"));
  quick_error("{{ missing.attribute }}");
}

TEST(ChatTemplate, SourcesThatDoNotCompileAreRefused) {
  for (const char* source : {"{{", "{% if %}", "{% for x in y %}", "{% endif %}", "{{ 1 + }}"}) {
    EXPECT_THAT(quick_error(source), HasSubstr("does not compile")) << source;
  }
  EXPECT_THAT(quick_error(std::string((1 << 20) + 1, 'x')), HasSubstr("1048577 bytes"));
  quick_error("\xFF");
}

TEST(ChatTemplate, NoOtherTemplateOrFileIsRead) {
  quick_error("{% include '/etc/passwd' %}");
  quick_error("{% extends '/etc/passwd' %}");
  quick_error("{% import '/etc/passwd' as x %}");
  quick_error("{% from '/etc/passwd' import x %}");
  quick_error("{% include 'chat_template' %}");
}

TEST(ChatTemplate, InputsThatAreNotOfTheirShapeAreNamed) {
  EXPECT_THAT(quick_error("x", {.messages_json = "{"}), HasSubstr("messages is not JSON"));
  EXPECT_THAT(quick_error("x", {.messages_json = "{}"}), HasSubstr("messages must be an array"));
  EXPECT_THAT(quick_error("x", {.messages_json = "[1]"}), HasSubstr("message 0"));
  EXPECT_THAT(quick_error("x", {.messages_json = kOneMessage, .tools_json = "3"}),
              HasSubstr("tools must be an array"));
  EXPECT_THAT(quick_error("x", {.messages_json = kOneMessage, .extra_json = R"({"tools": []})"}),
              HasSubstr("must not set 'tools'"));
}

TEST(ChatTemplate, ExtraVariablesAndDocumentsReachTheTemplate) {
  const auto text = render_text(
      "{{ flag }} {{ documents[0].title }} {{ bos_token }}{{ eos_token }} {{ tools is none }}",
      {.messages_json = kOneMessage,
       .documents_json = R"([{"title": "T"}])",
       .extra_json = R"({"flag": true})"});
  ASSERT_TRUE(text.ok()) << text.error().message();
  EXPECT_EQ(*text, "True T <BOS><EOS> True");
}

}  // namespace
}  // namespace trivet
