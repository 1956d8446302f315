#include "text/grammars/gbnf.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "text/testdata/golden_files.h"

namespace trivet {
namespace {

using testing::HasSubstr;

class GbnfTest : public ::testing::Test {
 protected:
  GbnfTest() {
    Vocabulary vocabulary = read_golden_vocabulary("byte_pair_vocabulary.json");
    vocabulary.pre = "qwen2";
    tokenizer_ = std::move(Tokenizer::from_vocabulary(vocabulary)).value();
    const TokenId end = *tokenizer_->find("<|endoftext|>");
    compiler_ = std::move(GrammarCompiler::create(*tokenizer_, std::span(&end, 1))).value();
  }

  std::unique_ptr<Grammar> compile(std::string_view gbnf) const {
    const auto translated = translate_gbnf(gbnf);
    EXPECT_TRUE(translated.ok()) << translated.error().message();
    if (!translated) return nullptr;
    auto grammar = compiler_->compile(translated->kind, translated->source);
    EXPECT_TRUE(grammar.ok()) << grammar.error().message() << "\n" << translated->source;
    return grammar ? std::move(*grammar) : nullptr;
  }

  // Whether the text as a whole is in the language.
  bool matches(std::string_view gbnf, std::string_view text) const {
    const auto grammar = compile(gbnf);
    if (grammar == nullptr) return false;
    const auto tokens = *tokenizer_->encode(text, {false, false});
    return *grammar->accept(tokens) == tokens.size() && *grammar->is_accepting();
  }

  static std::string error(std::string_view gbnf) {
    const auto translated = translate_gbnf(gbnf);
    return translated ? "" : translated.error().message();
  }

  std::unique_ptr<Tokenizer> tokenizer_;
  std::unique_ptr<GrammarCompiler> compiler_;
};

constexpr std::string_view kJson = R"(root   ::= object
value  ::= object | array | string | number | ("true" | "false" | "null") ws
object ::=
  "{" ws (
            string ":" ws value
    ("," ws string ":" ws value)*
  )? "}" ws
array  ::=
  "[" ws (
            value
    ("," ws value)*
  )? "]" ws
string ::=
  "\"" (
    [^"\\\x7F\x00-\x1F] |
    "\\" (["\\bfnrt] | "u" [0-9a-fA-F]{4}) # escapes
  )* "\"" ws
number ::= ("-"? ([0-9] | [1-9] [0-9]{0,15})) ("." [0-9]+)? ([eE] [-+]? [0-9] [1-9]{0,15})? ws
# Optional space: by convention, applied in this grammar after literal chars when allowed
ws ::= | " " | "\n" [ \t]{0,20}
)";

TEST_F(GbnfTest, RulesThatDoNotCallThemselvesMeanExactlyTheirTexts) {
  constexpr std::string_view kList = "root ::= item+\nitem ::= \"- \" [^\\r\\n]+ \"\\n\"\n";
  EXPECT_EQ(translate_gbnf(kList)->kind, GrammarKind::kRegex);
  EXPECT_TRUE(matches(kList, "- one\n- \u4e2d\n"));
  EXPECT_FALSE(matches(kList, "- one"));
  EXPECT_FALSE(matches(kList, "* one\n"));
  // The shorter match counts where it must.
  EXPECT_TRUE(matches("root ::= [a-z]+ \"x\"", "abx"));
  EXPECT_FALSE(matches("root ::= [a-z]+ \"x\"", "ab"));
}

TEST_F(GbnfTest, CharactersAndEscapesAreRead) {
  EXPECT_TRUE(matches(R"(root ::= "a\"\\\x41é\u4e2d[]/" [\x30-\x32\]\-] [^a] .)",
                      "a\"\\A\u00e9\u4e2d[]/]bc"));
  EXPECT_TRUE(matches("root ::= \"(\" [()^.*+?|{}$-] \")\"", "(-)"));
  EXPECT_FALSE(matches("root ::= .", "\n"));
}

TEST_F(GbnfTest, RepetitionsBindToWhatStandsBeforeThem) {
  EXPECT_TRUE(matches(R"(root ::= ("ab" | "c"){2,3} "d"? "e"*)", "abcee"));
  EXPECT_FALSE(matches(R"(root ::= ("ab" | "c"){2,3} "d"? "e"*)", "ab"));
  EXPECT_TRUE(matches(R"(root ::= "a"{2} "b"{0,} "c"{,1})", "aabbb"));
  EXPECT_FALSE(matches(R"(root ::= "ab"+)", "abb"));
}

TEST_F(GbnfTest, TheJsonGrammarOfLlamaCppWorks) {
  EXPECT_EQ(translate_gbnf(kJson)->kind, GrammarKind::kLark);
  EXPECT_TRUE(matches(kJson, R"({"a": [1, -2.5e1, "x\n\u00e9"], "b":{}, "c": null})"));
  EXPECT_TRUE(matches(kJson, "{\"a\":\n  true}"));
  EXPECT_FALSE(matches(kJson, R"({"a": })"));
  EXPECT_FALSE(matches(kJson, R"({"a": 1)"));
  EXPECT_FALSE(matches(kJson, "[]"));
}

TEST_F(GbnfTest, RecursiveGrammarsCanBeClosed) {
  const auto grammar = compile(kJson);
  const auto tokens = *tokenizer_->encode(R"({"a": [1, {"b)", {false, false});
  ASSERT_EQ(*grammar->accept(tokens), tokens.size());
  std::string rest;
  const auto closing = *grammar->closing();
  for (const TokenId token : closing) rest += tokenizer_->token_bytes(token);
  EXPECT_EQ(rest, R"(":0}]})");
}

TEST_F(GbnfTest, NamesWithDashesStayApart) {
  EXPECT_TRUE(matches("root ::= a-b a_b root?\na-b ::= \"x\"\na_b ::= \"y\"\n", "xyxy"));
}

TEST_F(GbnfTest, WhatIsWrongIsSaidWithItsLine) {
  EXPECT_THAT(error("root ::= \"a\"\nb := \"c\""), HasSubstr("line 2"));
  EXPECT_THAT(error("root ::= missing"), HasSubstr("`missing`"));
  EXPECT_THAT(error("a ::= \"b\""), HasSubstr("no rule `root`"));
  EXPECT_THAT(error("root ::= (\"a\""), HasSubstr("\")\" is missing"));
  EXPECT_THAT(error("root ::= \"a"), HasSubstr("closing quote"));
  EXPECT_THAT(error("root ::= [a"), HasSubstr("closing bracket"));
  EXPECT_THAT(error("root ::= [z-a]"), HasSubstr("backwards"));
  EXPECT_THAT(error("root ::= \"a\"{3,2}"), HasSubstr("backwards"));
  EXPECT_THAT(error("root ::= \"a\"{99999}"), HasSubstr("10000"));
  EXPECT_THAT(error("root ::= \"\\q\""), HasSubstr("\\q"));
  EXPECT_THAT(error("root ::= \"\\"), HasSubstr("escape"));
  EXPECT_THAT(error("root ::= [\\"), HasSubstr("escape"));
  EXPECT_THAT(error("root ::= \"a\"\nroot ::= \"b\""), HasSubstr("twice"));
  EXPECT_THAT(error("root ::= \"\xff\""), HasSubstr("UTF-8"));
}

TEST_F(GbnfTest, HostileGrammarsAreBounded) {
  std::string doubling = "root ::= r0\n";
  for (int i = 0; i < 40; ++i) {
    const std::string next = "r" + std::to_string(i + 1);
    doubling += "r" + std::to_string(i) + " ::= " + next + " " + next + "\n";
  }
  EXPECT_THAT(error(doubling + "r40 ::= \"a\"\n"), HasSubstr("longer than"));
  EXPECT_THAT(error("root ::= " + std::string(100'000, '(')), HasSubstr("nested"));
  std::string many = "root ::= r1\n";
  for (int i = 1; i < 3'000; ++i) {
    many += "r" + std::to_string(i) + " ::= r" + std::to_string(i + 1) + "\n";
  }
  EXPECT_THAT(error(many), HasSubstr("1000 rules"));
}

TEST(IsGbnf, TellsItFromLark) {
  EXPECT_TRUE(is_gbnf("root ::= \"a\""));
  EXPECT_FALSE(is_gbnf("start: \"a\""));
}

}  // namespace
}  // namespace trivet
