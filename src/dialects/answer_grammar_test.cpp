#include "dialects/answer_grammar.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dialects/testing/call_writer.h"
#include "text/grammar.h"
#include "text/grammars/lark.h"
#include "text/testdata/golden_files.h"

namespace trivet {
namespace {

// The vocabulary of a small model, in which marks of other families are plain text.
class AnswerGrammarTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    Vocabulary vocabulary = read_golden_vocabulary("byte_pair_vocabulary.json");
    vocabulary.pre = "qwen2";
    tokenizer_ = std::move(Tokenizer::from_vocabulary(vocabulary)).value().release();
    const std::vector<TokenId> ends = {*tokenizer_->find("<|im_end|>")};
    compiler_ = std::move(GrammarCompiler::create(*tokenizer_, ends)).value().release();
  }
  static void TearDownTestSuite() {
    delete compiler_;
    delete tokenizer_;
  }

  static MessageFormat format_of(const Dialect& dialect, const std::vector<WrittenCall>& calls) {
    MessageFormat format;
    format.dialect = &dialect;
    for (const WrittenCall& call : calls) {
      format.tools.push_back(signature_of(call.name, call.arguments));
    }
    return format;
  }

  // The bytes of `text` that the grammar takes, and whether it may end there.
  struct Taken {
    std::string text;
    bool whole = false;
  };
  static Taken take(const MessageFormat& format, const AnswerRules& rules,
                    const std::string& text) {
    const std::string source = answer_grammar(format, rules, *tokenizer_);
    auto grammar = compiler_->compile(GrammarKind::kLark, source);
    if (!grammar) {
      ADD_FAILURE() << grammar.error().message() << "\n" << source;
      return {};
    }
    Taken taken;
    const std::vector<TokenId> tokens = *tokenizer_->encode(text, {false, true});
    for (const TokenId token : tokens) {
      const auto count = (*grammar)->accept({&token, 1});
      if (!count || *count == 0) return taken;
      taken.text += tokenizer_->token_bytes(token);
    }
    taken.whole = *(*grammar)->is_accepting();
    return taken;
  }

  static const Tokenizer* tokenizer_;
  static const GrammarCompiler* compiler_;
};

const Tokenizer* AnswerGrammarTest::tokenizer_ = nullptr;
const GrammarCompiler* AnswerGrammarTest::compiler_ = nullptr;

const std::vector<WrittenCall> kCalls = {
    {"get_weather",
     {{"city", "São \"Paulo\"\nand more"}, {"days", 3}, {"exact", true}, {"at", 1.5}}},
    {"note", {{"tags", {"a", "b"}}, {"place", {{"k1", "v"}, {"k2", nullptr}}}}},
    {"now", OrderedJson::object()}};

class EveryDialect : public AnswerGrammarTest,
                     public testing::WithParamInterface<const Dialect*> {};

TEST_P(EveryDialect, CallsAsModelsWriteThemAreAllowed) {
  std::vector<WrittenCall> calls = kCalls;
  if (GetParam()->name == "glm4" || GetParam()->calls.syntax == CallSyntax::kHarmony) {
    calls.resize(1);
  }
  const MessageFormat format = format_of(*GetParam(), kCalls);
  const std::string text = write_message(*GetParam(), {}, {"", "", "", calls});
  const Taken forced = take(format, {.must_call = true}, text);
  EXPECT_EQ(forced.text, text);
  EXPECT_TRUE(forced.whole);
  const Taken free = take(format, {}, text);
  EXPECT_EQ(free.text, text);
  EXPECT_TRUE(free.whole);
}

TEST_P(EveryDialect, WhereACallIsAMustNothingElseIsAllowed) {
  const MessageFormat format = format_of(*GetParam(), kCalls);
  EXPECT_FALSE(take(format, {.must_call = true}, "Hello, how are you?").whole);
  EXPECT_FALSE(take(format, {.must_call = true}, "").whole);
  const std::vector<WrittenCall> unknown = {{"other", {{"city", "x"}}}};
  const std::string text = write_message(*GetParam(), {}, {"", "", "", unknown});
  EXPECT_LT(take(format, {.must_call = true}, text).text.size(), text.size());
  const std::vector<WrittenCall> incomplete = {{"get_weather", {{"city", "x"}}}};
  const std::string cut = write_message(*GetParam(), {}, {"", "", "", incomplete});
  EXPECT_LT(take(format, {.must_call = true}, cut).text.size(), cut.size()) << cut;
}

TEST_P(EveryDialect, WhereCallsAreFreeTextIsToo) {
  if (GetParam()->calls.syntax == CallSyntax::kHarmony) GTEST_SKIP() << "text has a channel";
  const MessageFormat format = format_of(*GetParam(), kCalls);
  for (const std::string text : {"Hello <b>you</b> {\"a\": 1} [x]", "", "``` <tool"}) {
    const Taken taken = take(format, {}, text);
    EXPECT_EQ(taken.text, text);
    EXPECT_TRUE(taken.whole);
  }
  if (GetParam()->calls.openers[0].tentative) return;
  const std::string text =
      "I look. " + std::string(GetParam()->calls.openers[0].text) + " what is this?";
  EXPECT_LT(take(format, {}, text).text.size(), text.size());
}

TEST_P(EveryDialect, OneCallIsTheMostWithoutParallelCalls) {
  if (GetParam()->calls.syntax == CallSyntax::kHarmony) GTEST_SKIP() << "never more";
  MessageFormat format = format_of(*GetParam(), kCalls);
  format.parallel_calls = false;
  const std::vector<WrittenCall> two = {kCalls[2], kCalls[2]};
  const std::string text = write_message(*GetParam(), {}, {"", "", "", two});
  EXPECT_FALSE(take(format, {.must_call = true}, text).whole);
  const std::string one = write_message(*GetParam(), {}, {"", "", "", {kCalls[2]}});
  EXPECT_TRUE(take(format, {.must_call = true}, one).whole) << one;
}

INSTANTIATE_TEST_SUITE_P(All, EveryDialect, testing::ValuesIn(dialects_with_calls()),
                         [](const auto& info) {
                           std::string name(info.param->name);
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

TEST_F(AnswerGrammarTest, ReasoningComesBeforeCallsAndJson) {
  MessageFormat format = format_of(*dialect_named("hermes"), {kCalls[2]});
  format.reasoning = reasoning_named("think")->tags;
  const std::string call = write_message(*format.dialect, {}, {"", "", "", {kCalls[2]}});
  const AnswerRules must{.must_call = true};
  EXPECT_TRUE(take(format, must, "<think>\nHm <tool_call>?\n</think>\n\n" + call).whole);
  EXPECT_TRUE(take(format, must, call).whole);
  EXPECT_FALSE(take(format, must, "<think>\nHm").whole);
  format.begins_with_reasoning = true;
  EXPECT_TRUE(take(format, must, "Hm\n</think>\n\n" + call).whole);
  EXPECT_FALSE(take(format, must, call).whole);
  format.tools.clear();
  const std::string json = lark_json(R"({"type":"object","required":["a"]})");
  EXPECT_TRUE(take(format, {.content = json}, "Hm</think>{\"a\":\n 1}").whole);
  EXPECT_FALSE(take(format, {.content = json}, "Hm</think>{}").whole);
  EXPECT_FALSE(take(format, {.content = json}, "Hm").whole);
}

TEST_F(AnswerGrammarTest, ContentOfAFormLeavesRoomForCalls) {
  const MessageFormat format = format_of(*dialect_named("hermes"), {kCalls[2]});
  const std::string json = lark_json(R"({"type":"object"})");
  const std::string call = write_message(*format.dialect, {}, {"", "", "", {kCalls[2]}});
  EXPECT_TRUE(take(format, {.content = json}, call).whole);
  EXPECT_TRUE(take(format, {.content = json}, "{\"x\": 1}").whole);
  EXPECT_FALSE(take(format, {.content = json}, "Hello").whole);
}

TEST_F(AnswerGrammarTest, OptionalArgumentsMayBeLeftOut) {
  MessageFormat format;
  format.tools = {read_signature("f",
                                 R"({"type":"object","properties":{"a":{"type":"integer"},
      "b":{"enum":["x","y"]},"c":{"type":"boolean"}},"required":["b"]})",
                                 false)};
  const AnswerRules must{.must_call = true};
  format.dialect = dialect_named("pythonic");
  EXPECT_TRUE(take(format, must, R"([f(b="x")])").whole);
  EXPECT_TRUE(take(format, must, R"([f(a=1, b="y", c=True)])").whole);
  EXPECT_FALSE(take(format, must, R"([f(a=1)])").whole);
  EXPECT_FALSE(take(format, must, R"([f(b="z")])").whole);
  format.dialect = dialect_named("gemma");
  const auto gemma = [](const std::string& arguments) {
    return "<start_function_call>call:f{" + arguments + "}<end_function_call>";
  };
  EXPECT_TRUE(take(format, must, gemma("b:<escape>x<escape>,c:false")).whole);
  EXPECT_FALSE(take(format, must, gemma("b:<escape>z<escape>")).whole);
  format.dialect = dialect_named("qwen3_coder");
  const auto coder = [](const std::string& parameters) {
    return "<tool_call>\n<function=f>\n" + parameters + "</function>\n</tool_call>";
  };
  EXPECT_TRUE(take(format, must, coder("<parameter=b>\ny\n</parameter>\n")).whole);
  EXPECT_FALSE(take(format, must, coder("<parameter=b>\nz\n</parameter>\n")).whole);
  EXPECT_FALSE(take(format, must, coder("")).whole);
}

}  // namespace
}  // namespace trivet
