#include "engine/stop_scanner.h"

#include <gtest/gtest.h>

#include <optional>
#include <random>

namespace trivet {
namespace {

struct Scan {
  std::string text;
  std::optional<std::string> match;
};

Scan scan(const std::vector<std::string>& stops, const std::vector<std::string>& pieces) {
  StopPatterns patterns(stops);
  StopScanner scanner(patterns);
  Scan result;
  for (const auto& piece : pieces) result.text += scanner.feed(piece, true);
  if (scanner.match() != nullptr) {
    result.match = *scanner.match();
  } else {
    result.text += scanner.finish();
  }
  return result;
}

TEST(StopScanner, PassesEverythingWithoutStops) { EXPECT_EQ(scan({}, {"a", "bc"}).text, "abc"); }

TEST(StopScanner, HoldsBackWhatMayBeginAStopString) {
  StopPatterns patterns({"END", "\n\n"});
  StopScanner scanner(patterns);
  EXPECT_EQ(scanner.feed("text E", true), "text ");
  EXPECT_EQ(scanner.feed("N", true), "");
  EXPECT_EQ(scanner.feed("ough\n", true), "ENough");
  EXPECT_EQ(scanner.feed("!", true), "\n!");
  EXPECT_EQ(scanner.feed("EN", true), "");
  EXPECT_EQ(scanner.finish(), "EN");
}

TEST(StopScanner, DropsTheStopStringAndAllAfterIt) {
  Scan result = scan({"END"}, {"one E", "ND two", " three"});
  EXPECT_EQ(result.text, "one ");
  EXPECT_EQ(result.match, "END");
}

TEST(StopScanner, TheFirstToBeCompleteWinsAndOfThoseTheLongest) {
  EXPECT_EQ(scan({"abcd", "bc"}, {"xabcd"}).match, "bc");
  EXPECT_EQ(scan({"c", "abc", "bc"}, {"xabc"}).match, "abc");
}

TEST(StopScanner, FindsOverlappingBeginnings) {
  Scan result = scan({"aab"}, {"aaaa", "ab", "z"});
  EXPECT_EQ(result.text, "aaa");
  EXPECT_EQ(result.match, "aab");
}

TEST(StopScanner, MatchesAcrossCharactersOfSeveralBytes) {
  Scan result = scan({"é\u4e2d"}, {"caf\xc3\xa9", "\xe4\xb8\xad!"});
  EXPECT_EQ(result.text, "caf");
  EXPECT_TRUE(result.match);
}

TEST(StopScanner, AnUnarmedMatchIsTextButMayBeginAnArmedOne) {
  StopPatterns patterns({"abab"});
  StopScanner scanner(patterns);
  EXPECT_EQ(scanner.feed("abab", false), "ab");
  EXPECT_EQ(scanner.feed("ab", true), "");
  ASSERT_NE(scanner.match(), nullptr);
}

// The oracle: the whole text at once, byte by byte.
Scan plain_scan(const std::vector<std::string>& stops, const std::string& text) {
  for (size_t end = 1; end <= text.size(); ++end) {
    const std::string* best = nullptr;
    for (const auto& stop : stops) {
      bool ends = end >= stop.size() && text.compare(end - stop.size(), stop.size(), stop) == 0;
      if (ends && (best == nullptr || stop.size() > best->size())) best = &stop;
    }
    if (best != nullptr) return {text.substr(0, end - best->size()), *best};
  }
  return {text, std::nullopt};
}

TEST(StopScanner, TheOutcomeDoesNotDependOnThePieces) {
  std::mt19937 random(3);
  auto below = [&](unsigned n) { return random() % n; };
  auto word = [&](unsigned longest) {
    std::string made(1 + below(longest), 'a');
    for (char& c : made) c = static_cast<char>('a' + below(2));
    return made;
  };
  int matches = 0;
  for (int round = 0; round < 3000; ++round) {
    std::vector<std::string> stops(1 + below(3));
    for (auto& stop : stops) stop = word(7);
    std::vector<std::string> pieces(1 + below(8));
    std::string text;
    for (auto& piece : pieces) text += piece = word(5);
    Scan expected = plain_scan(stops, text), got = scan(stops, pieces);
    EXPECT_EQ(got.text, expected.text);
    EXPECT_EQ(got.match, expected.match);
    matches += got.match.has_value();
  }
  EXPECT_GT(matches, 500);
  EXPECT_LT(matches, 2990);
}

}  // namespace
}  // namespace trivet
