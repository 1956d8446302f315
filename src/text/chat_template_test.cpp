// Against what Hugging Face's apply_chat_template makes of the same conversations
// (testdata/chat_templates.json, written by tools/golden/chat_template_goldens.py).
#include "text/chat_template.h"

#include <gmock/gmock.h>

#include <fstream>

#include "text/testdata/template_rendering.h"

namespace trivet {
namespace {

using ordered_json = nlohmann::ordered_json;  // templates print objects in the order of the request
using testing::HasSubstr;

void expect_golden(const ordered_json& golden) {
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
  const ordered_json golden = ordered_json::parse(
      std::ifstream(TRIVET_SOURCE_DIR "/src/text/testdata/chat_templates.json"));
  ASSERT_GE(golden["templates"].size(), 7u);
  expect_golden(golden);
}

// Where Python fails, a rendering is allowed.
TEST(ChatTemplate, ExpressionsAndStatementsHavePythonsMeaning) {
  ordered_json golden = ordered_json::parse(
      std::ifstream(TRIVET_SOURCE_DIR "/src/text/testdata/template_expressions.json"));
  int texts = 0;
  for (const ordered_json& item : golden["cases"]) {
    const std::string source = item["template"];
    const auto text = render_golden_input(source, golden);
    if (!item.contains("text")) continue;
    ++texts;
    EXPECT_EQ(text.ok() ? *text : text.error().message(), item["text"].get<std::string>())
        << source;
  }
  EXPECT_GT(texts, 350);
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
