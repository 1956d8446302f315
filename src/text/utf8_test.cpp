#include "text/utf8.h"

#include <gtest/gtest.h>

namespace trivet {
namespace {

std::string whole(std::string_view bytes) {
  std::string out;
  EXPECT_EQ(append_utf8(bytes, true, out), bytes.size());
  return out;
}

// Expected values: Python's bytes.decode("utf-8", "replace").
TEST(Utf8, ReplacesEachMaximalPartOfABrokenCharacterOnce) {
  EXPECT_EQ(whole("a\xF0\x9F\x98\x80z"), "a\xF0\x9F\x98\x80z");
  EXPECT_EQ(whole("\xFF\xFE"), "\uFFFD\uFFFD");
  EXPECT_EQ(whole("\xF0\x9F\x98"), "\uFFFD");
  EXPECT_EQ(whole("\xF0\x9F\x98x"), "\uFFFDx");
  EXPECT_EQ(whole("\xE4\xBD\xE4\xBD\xA0"), "\uFFFD\u4F60");
  EXPECT_EQ(whole("\xC0\xAF"), "\uFFFD\uFFFD");                      // overlong
  EXPECT_EQ(whole("\xED\xA0\x80"), "\uFFFD\uFFFD\uFFFD");            // surrogate
  EXPECT_EQ(whole("\xF4\x90\x80\x80"), "\uFFFD\uFFFD\uFFFD\uFFFD");  // above U+10FFFF
  EXPECT_EQ(whole("\x80"), "\uFFFD");
}

TEST(Utf8, KeepsAnIncompleteCharacterBack) {
  std::string out;
  EXPECT_EQ(append_utf8("ab\xE4\xBD", false, out), 2u);
  EXPECT_EQ(out, "ab");
}

TEST(Utf8, FindsTheFirstBadByte) {
  EXPECT_EQ(find_invalid_utf8("\u00e4\u4f60"), std::nullopt);
  EXPECT_EQ(find_invalid_utf8("ab\xE4\xBD"), 2u);
  EXPECT_EQ(find_invalid_utf8("\xFF"), 0u);
}

}  // namespace
}  // namespace trivet
