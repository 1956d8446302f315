#include "api/structured_output.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/fake_text.h"
#include "api/structural_tag.h"

namespace trivet {
namespace {

using testing::HasSubstr;

class StructuredOutputTest : public testing::Test {
 protected:
  StructuredOutputTest() {
    compiler_ =
        std::move(GrammarCompiler::create(model_.tokenizer, model_.served.end_tokens)).value();
    model_.served.grammars = compiler_.get();
  }

  std::optional<OutputFormat> read(const std::string& body) {
    error_ = FirstError();
    JsonDocument document;
    const auto object = document.parse_object(body, error_);
    EXPECT_TRUE(object) << body;
    Fields fields(*object, error_);
    auto format = read_output_format(fields);
    EXPECT_TRUE(fields.unread().empty()) << body;
    return format;
  }

  // The text is one that the body asks for.
  bool allows(const std::string& body, std::string_view text) {
    const auto format = read(body);
    if (!format) {
      ADD_FAILURE() << body << (error_ ? error_.take().message : " asks for nothing");
      return false;
    }
    const auto start = compile_format(*format, model_.served, error_);
    if (start == nullptr) {
      ADD_FAILURE() << error_.take().message << "\n" << format->source;
      return false;
    }
    const auto grammar = std::move(start->clone()).value();
    const auto tokens = *model_.tokenizer.encode(text, {false, false});
    return *grammar->accept(tokens) == tokens.size() && *grammar->is_accepting();
  }

  ApiError error_of(const std::string& body) {
    const auto format = read(body);
    if (format) (void)compile_format(*format, model_.served, error_);
    EXPECT_TRUE(error_) << body;
    return error_ ? error_.take() : ApiError{};
  }

  FakeModel model_;
  std::unique_ptr<GrammarCompiler> compiler_;
  FirstError error_;
};

constexpr std::string_view kNumber = R"({"type":"object","properties":{"n":{"type":"integer"}},)"
                                     R"("required":["n"],"additionalProperties":false})";

TEST_F(StructuredOutputTest, NothingIsAskedFor) {
  EXPECT_FALSE(read("{}"));
  EXPECT_FALSE(read(R"({"response_format":{"type":"text"},"grammar":"","json_schema":null})"));
  EXPECT_FALSE(error_);
}

TEST_F(StructuredOutputTest, EveryNameOfASchemaMeansTheSame) {
  const std::string schema(kNumber);
  const std::string text = R"("{\"type\":\"object\",\"properties\":{\"n\":{\"type\":\"integer\"}},)"
                           R"(\"required\":[\"n\"],\"additionalProperties\":false}")";
  for (
      const std::string& body :
      {R"({"response_format":{"type":"json_schema","json_schema":{"name":"x","strict":true,"schema":)" +
           schema + "}}}",
       R"({"response_format":{"type":"json_object","schema":)" + schema + "}}",
       R"({"structured_outputs":{"json":)" + schema + "}}", R"({"guided_json":)" + schema + "}",
       R"({"guided_json":)" + text + "}", R"({"json_schema":)" + schema + "}"}) {
    EXPECT_TRUE(allows(body, R"({"n": 12})")) << body;
    EXPECT_FALSE(allows(body, R"({"n": "x"})")) << body;
    EXPECT_FALSE(allows(body, R"({"n": 1, "m": 2})")) << body;
  }
}

TEST_F(StructuredOutputTest, AnyObjectIsAnObject) {
  for (const char* body : {R"({"response_format":{"type":"json_object"}})",
                           R"({"structured_outputs":{"json_object":true}})"}) {
    EXPECT_TRUE(allows(body, R"({"a": [1, {"b": null}]})"));
    EXPECT_FALSE(allows(body, "[]"));
  }
}

TEST_F(StructuredOutputTest, RegexChoiceAndGrammar) {
  EXPECT_TRUE(allows(R"({"guided_regex":"[ab]+c"})", "abac"));
  EXPECT_FALSE(allows(R"({"structured_outputs":{"regex":"[ab]+c"}})", "ab"));
  const std::string choice = R"j({"guided_choice":["a.b (c)","d\\e","/é\n"]})j";
  EXPECT_TRUE(allows(choice, "a.b (c)"));
  EXPECT_TRUE(allows(choice, "d\\e"));
  EXPECT_TRUE(allows(choice, "/\u00e9\n"));
  EXPECT_FALSE(allows(choice, "axb (c)"));
  EXPECT_TRUE(allows(R"({"structured_outputs":{"grammar":"start: \"a\" start | \"b\""}})", "aab"));
  EXPECT_TRUE(allows(R"({"grammar":"root ::= \"a\" root | \"b\""})", "aab"));
}

TEST_F(StructuredOutputTest, WhiteSpaceInJsonIsBounded) {
  const std::string body = R"({"guided_json":{"type":"array","items":{"type":"null"}}})";
  EXPECT_TRUE(allows(body, "[null, null]"));
  EXPECT_TRUE(allows(body, "[\n    null,\n    null\n]"));
  EXPECT_FALSE(allows(body, "[null,  null]"));
  EXPECT_FALSE(allows(body, "[\n\nnull]"));
}

TEST_F(StructuredOutputTest, StructuralTagsOfVllm) {
  const std::string body =
      R"({"response_format":{"type":"structural_tag","structures":[{"begin":"<f=a>","schema":)" +
      std::string(kNumber) + R"(,"end":"</f>"},{"begin":"<f=b>","schema":{"type":"null"},)" +
      R"("end":"</f>"}],"triggers":["<f="]}})";
  EXPECT_TRUE(allows(body, "free text"));
  EXPECT_TRUE(allows(body, "x <f=a>{\"n\":1}</f> y <f=b>null</f>"));
  EXPECT_FALSE(allows(body, "<f=b>{\"n\":1}</f>"));
  EXPECT_FALSE(allows(body, "<f=c>null</f>"));
  EXPECT_FALSE(allows(body, "<f=b>nu"));
}

TEST_F(StructuredOutputTest, StructuralTagsOfXgrammar) {
  const auto with = [](const std::string& format) {
    return R"({"structured_outputs":{"structural_tag":{"type":"structural_tag","format":)" +
           format + "}}}";
  };
  const std::string sequence = with(
      R"({"type":"sequence","elements":[{"type":"tag","begin":"<t>","content":{"type":"any_text"},)"
      R"("end":"</t>"},{"type":"or","elements":[{"type":"const_string","value":"ok"},)"
      R"({"type":"regex","pattern":"[0-9]+/[0-9]"}]}]})");
  EXPECT_TRUE(allows(sequence, "<t>why</t>ok"));
  EXPECT_TRUE(allows(sequence, "<t></t>12/3"));
  EXPECT_FALSE(allows(sequence, "ok"));
  EXPECT_FALSE(allows(sequence, "<t>a</t>b</t>ok"));
  const std::string tags = with(
      R"({"type":"tags_with_separator","separator":",","at_least_one":true,"tags":[{"begin":"<",)"
      R"("content":{"type":"json_schema","json_schema":{"type":"boolean"}},"end":">"}]})");
  EXPECT_TRUE(allows(tags, "<true>,<false>"));
  EXPECT_FALSE(allows(tags, ""));
  EXPECT_FALSE(allows(tags, "<true><false>"));
  const std::string triggered = with(
      R"({"type":"triggered_tags","triggers":["<"],"at_least_one":true,"stop_after_first":true,)"
      R"("tags":[{"begin":"<x>","content":{"type":"grammar","grammar":"root ::= \"a\" root | \"b\""},)"
      R"("end":"!"}]})");
  EXPECT_TRUE(allows(triggered, "so <x>aab!"));
  EXPECT_FALSE(allows(triggered, "so <x>aab! and"));
  EXPECT_FALSE(allows(triggered, "so"));
}

TEST_F(StructuredOutputTest, ErrorsNameTheFieldAndTheReason) {
  const auto expect = [&](const std::string& body, const char* param, const char* reason) {
    const ApiError error = error_of(body);
    EXPECT_EQ(error.http_status, 400) << body;
    EXPECT_EQ(error.param.value_or(""), param) << error.message;
    EXPECT_THAT(error.message, HasSubstr(reason)) << body;
  };
  expect(R"({"guided_regex":"a","guided_choice":["b"]})", "guided_choice", "more than one");
  expect(R"({"guided_choice":[]})", "guided_choice", "empty");
  expect(R"({"guided_json":5})", "guided_json", "JSON schema");
  expect(R"({"guided_json":{"type":"array","uniqueItems":true}})", "guided_json", "uniqueItems");
  expect(R"({"guided_json":{"x-guidance":{}}})", "guided_json", "x-guidance");
  expect(R"({"guided_json":false})", "guided_json", "no value");
  expect(R"({"guided_regex":"(a"})", "guided_regex", "cannot be used");
  expect(R"({"grammar":"root ::= ("})", "grammar", "line 1");
  expect(R"({"response_format":{"type":"yaml"}})", "response_format", "yaml");
  expect(R"({"response_format":{"type":"json_schema"}})", "response_format", "schema");
  expect(R"({"response_format":{"type":"structural_tag","structures":[]}})", "response_format",
         "triggers");
  expect(R"({"structured_outputs":{"structural_tag":{"format":{"type":"odd"}}}})",
         "structured_outputs.structural_tag", "odd");
}

TEST_F(StructuredOutputTest, WithoutACompilerItIsNotImplemented) {
  model_.served.grammars = nullptr;
  EXPECT_EQ(compile_format({GrammarKind::kRegex, "a", "guided_regex"}, model_.served, error_),
            nullptr);
  EXPECT_EQ(error_.take().http_status, 501);
}

}  // namespace
}  // namespace trivet
