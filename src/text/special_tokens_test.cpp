#include "text/special_tokens.h"

#include <gtest/gtest.h>

namespace trivet {
namespace {

// Fragments as text: "[7]" is token 7.
std::string show(const SpecialTokens& tokens, std::string_view text, bool only_plain = false) {
  std::string result;
  for (const TextFragment& fragment : tokens.split(text, only_plain)) {
    if (!result.empty()) result += '|';
    result += fragment.token < 0 ? std::string(fragment.text)
                                 : "[" + std::to_string(fragment.token) + "]";
  }
  return result;
}

SpecialTokens tokens_named(std::initializer_list<const char*> names) {
  SpecialTokens tokens;
  TokenId id = 0;
  for (const char* name : names) tokens.add(name, id++, false);
  return tokens;
}

TEST(SpecialTokens, KeepAllTextInOrder) {
  const SpecialTokens tokens = tokens_named({"<a>", "<b>"});
  EXPECT_EQ(show(tokens, "x<a>y<b><a>z"), "x|[0]|y|[1]|[0]|z");
  EXPECT_EQ(show(tokens, ""), "");
  EXPECT_EQ(show(tokens, "<a"), "<a");
}

TEST(SpecialTokens, LongerTokensWinEvenFurtherRight) {
  EXPECT_EQ(show(tokens_named({"ab", "bcd"}), "abcd"), "a|[1]");
  EXPECT_EQ(show(tokens_named({"aa"}), "aaaaa"), "[0]|[0]|a");
  EXPECT_EQ(show(tokens_named({"ab", "bc"}), "abc"), "[0]|c");  // equal length: the lower id
  EXPECT_EQ(show(tokens_named({"<<x", "x>>", "<x>"}), "<<x>>"), "[0]|>>");
}

TEST(SpecialTokens, ControlTokensStayTextWhereTheyAreNotWanted) {
  SpecialTokens tokens;
  tokens.add("<ctl>", 1, false);
  tokens.add("<usr>", 2, true);
  EXPECT_EQ(show(tokens, "<ctl><usr>", true), "<ctl>|[2]");
  EXPECT_EQ(show(tokens, "<ctl><usr>", false), "[1]|[2]");
}

TEST(SpecialTokens, SomeTakeTheWhiteSpaceAfterThemAlong) {
  SpecialTokens tokens;
  tokens.add("<a>", 0, false, true);
  tokens.add("<b>", 1, false);
  EXPECT_EQ(show(tokens, " <a> \n\tx <b> y<a>\n <b> <a>  "), " |[0]|x |[1]| y|[0]|[1]| |[0]");
}

TEST(SpecialTokens, TheLowestIdOfEqualNamesCounts) {
  EXPECT_EQ(show(tokens_named({"<a>", "<a>"}), "<a>"), "[0]");
}

}  // namespace
}  // namespace trivet
