#include "api/json_writer.h"

#include <gtest/gtest.h>

#include <limits>
#include <nlohmann/json.hpp>
#include <random>

namespace trivet {
namespace {

std::string json_string(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

std::string number(float value) {
  std::string out;
  JsonWriter(out).number(value);
  return out;
}

TEST(JsonWriter, PutsCommasWhereTheyBelong) {
  std::string out;
  JsonWriter writer(out);
  writer.begin_object();
  writer.key("a").begin_array().integer(1).null().begin_object().end_object().string("x");
  writer.end_array().key("b").boolean(true).key("c").begin_array().end_array().key("d").raw("{}");
  writer.end_object();
  EXPECT_EQ(out, R"({"a":[1,null,{},"x"],"b":true,"c":[],"d":{}})");
}

TEST(JsonString, EscapesWhatJsonRequires) {
  EXPECT_EQ(json_string("a\"b\\c/\n\r\t\b\f"), R"("a\"b\\c/\n\r\t\b\f")");
  EXPECT_EQ(json_string(std::string_view("\0\x1f\x7f", 3)), "\"\\u0000\\u001f\x7f\"");
  EXPECT_EQ(json_string("é日😀"), "\"é日😀\"");
}

TEST(JsonString, HoldsNothingThatALineReaderTakesForAnEndOfLine) {
  EXPECT_EQ(json_string("a\u0085b\u2028c\u2029d"), R"("a\u0085b\u2028c\u2029d")");
  EXPECT_EQ(json_string("\u0084\u2027\u202A"), "\"\u0084\u2027\u202A\"");
}

TEST(JsonString, ReplacesWhatIsNotUtf8) {
  EXPECT_EQ(json_string("a\xFFz"), "\"a\xEF\xBF\xBDz\"");
  EXPECT_EQ(to_valid_utf8("\xE6\x97"), "\xEF\xBF\xBD");      // cut short: one mark
  EXPECT_EQ(to_valid_utf8("\xED\xA0\x80").size(), 9u);       // a surrogate: three
  EXPECT_EQ(to_valid_utf8("\xC0\xAF").size(), 6u);           // overlong: two
  EXPECT_EQ(to_valid_utf8("\xF4\x90\x80\x80").size(), 12u);  // beyond U+10FFFF
  EXPECT_EQ(to_valid_utf8("\xF0\x9F\x98x"), "\xEF\xBF\xBDx");
}

TEST(JsonString, IsReadableByAnotherParserWhateverTheBytes) {
  std::mt19937 random(1);
  for (int round = 0; round < 2000; ++round) {
    std::string bytes(random() % 12, '\0');
    for (char& c : bytes) c = static_cast<char>(random() % 4 == 0 ? random() % 128 : random());
    const auto parsed = nlohmann::json::parse(json_string(bytes));
    ASSERT_EQ(parsed.get<std::string>(), to_valid_utf8(bytes));
    ASSERT_EQ(to_valid_utf8(to_valid_utf8(bytes)), to_valid_utf8(bytes));
  }
}

TEST(JsonNumber, IsTheShortestFloatAndAlwaysLooksLikeOne) {
  EXPECT_EQ(number(-0.1f), "-0.1");
  EXPECT_EQ(number(0.0f), "0.0");
  EXPECT_EQ(number(-9999.0f), "-9999.0");
  EXPECT_EQ(number(1e-10f), "1e-10");
  EXPECT_EQ(number(std::numeric_limits<float>::infinity()), "null");
  EXPECT_EQ(number(std::numeric_limits<float>::quiet_NaN()), "null");
}

TEST(CountCharacters, CountsCodePoints) {
  EXPECT_EQ(count_characters("aé日😀"), 4u);
  EXPECT_EQ(count_characters(""), 0u);
}

}  // namespace
}  // namespace trivet
