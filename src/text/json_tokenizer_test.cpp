#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "text/testdata/golden_files.h"
#include "text/tokenizer.h"

namespace trivet {
namespace {

using nlohmann::json;

json added(int id, const char* content, bool special) {
  return {{"id", id},        {"content", content},  {"single_word", false}, {"lstrip", false},
          {"rstrip", false}, {"normalized", false}, {"special", special}};
}

// Byte-level, with a template that adds <s>.
json byte_level() {
  return {
      {"version", "1.0"},
      {"truncation",
       {{"max_length", 2}, {"strategy", "LongestFirst"}, {"stride", 0}, {"direction", "Right"}}},
      {"padding", nullptr},
      {"added_tokens", {added(7, "<s>", true), added(8, "<tool>", false)}},
      {"normalizer", nullptr},
      {"pre_tokenizer",
       {{"type", "ByteLevel"},
        {"add_prefix_space", false},
        {"trim_offsets", true},
        {"use_regex", true}}},
      {"post_processor",
       {{"type", "TemplateProcessing"},
        {"single",
         {{{"SpecialToken", {{"id", "<s>"}, {"type_id", 0}}}},
          {{"Sequence", {{"id", "A"}, {"type_id", 0}}}}}},
        {"pair", json::array()},
        {"special_tokens", {{"<s>", {{"id", "<s>"}, {"ids", {7}}, {"tokens", {"<s>"}}}}}}}},
      {"decoder",
       {{"type", "ByteLevel"},
        {"add_prefix_space", true},
        {"trim_offsets", true},
        {"use_regex", true}}},
      {"model",
       {{"type", "BPE"},
        {"vocab", {{"a", 0}, {"b", 1}, {"Ġ", 2}, {"Ġa", 3}, {"<", 4}, {"s", 5}, {">", 6}}},
        {"merges", {"Ġ a"}}}}};
}

// Llama 2's way of decoding.
json sentence_piece() {
  json tokenizer = byte_level();
  tokenizer["pre_tokenizer"] = nullptr;
  tokenizer["normalizer"] = {
      {"type", "Sequence"},
      {"normalizers",
       {{{"type", "Prepend"}, {"prepend", "\u2581"}},
        {{"type", "Replace"}, {"pattern", {{"String", " "}}}, {"content", "\u2581"}}}}};
  tokenizer["decoder"] = {
      {"type", "Sequence"},
      {"decoders",
       {{{"type", "Replace"}, {"pattern", {{"String", "\u2581"}}}, {"content", " "}},
        {{"type", "ByteFallback"}},
        {{"type", "Fuse"}},
        {{"type", "Strip"}, {"content", " "}, {"start", 1}, {"stop", 0}}}}};
  tokenizer["model"]["vocab"] = {{"a", 0},      {"b", 1},      {"\u2581", 2}, {"\u2581a", 3},
                                 {"<0xC3>", 4}, {"<0xA4>", 5}, {">", 6}};
  tokenizer["model"]["merges"] = {"\u2581 a"};
  tokenizer["model"]["byte_fallback"] = true;
  return tokenizer;
}

std::unique_ptr<Tokenizer> tokenizer_of(const json& tokenizer_json) {
  return opened(Tokenizer::from_json(tokenizer_json.dump()));
}

using Ids = std::vector<TokenId>;

TEST(JsonTokenizer, EncodesLikeTheFileSaysButNeverTruncates) {
  const auto tokenizer = tokenizer_of(byte_level());
  EXPECT_EQ(*tokenizer->encode("a a b", {}), (Ids{7, 0, 3, 2, 1}));
  EXPECT_EQ(*tokenizer->encode("a", {.add_special_tokens = false}), (Ids{0}));
}

TEST(JsonTokenizer, ParsesSpecialTokensOnlyOnDemandAndAddedOnesAlways) {
  const auto tokenizer = tokenizer_of(byte_level());
  const auto encode = [&](bool parse) {
    return *tokenizer->encode("<s><tool>",
                              {.add_special_tokens = false, .parse_special_tokens = parse});
  };
  EXPECT_EQ(encode(true), (Ids{7, 8}));
  EXPECT_EQ(encode(false), (Ids{4, 5, 6, 8}));
}

TEST(JsonTokenizer, KnowsItsTokens) {
  const auto tokenizer = tokenizer_of(byte_level());
  EXPECT_EQ(tokenizer->vocab_size(), 9);
  EXPECT_EQ(tokenizer->token_bytes(3), " a");
  EXPECT_TRUE(tokenizer->is_special(7));
  EXPECT_FALSE(tokenizer->is_special(8));
  EXPECT_EQ(tokenizer->find("Ġa"), 3);
  EXPECT_EQ(*tokenizer->decode(Ids{7, 3, 8, 1}, true), " a<tool>b");
  EXPECT_FALSE(tokenizer->strips_leading_space());
}

TEST(JsonTokenizer, SentencePieceDecodingDropsTheFirstSpaceAndJoinsBytes) {
  const auto tokenizer = tokenizer_of(sentence_piece());
  EXPECT_TRUE(tokenizer->strips_leading_space());
  EXPECT_EQ(*tokenizer->encode("a ä", {.add_special_tokens = false}), (Ids{3, 2, 4, 5}));
  EXPECT_EQ(*tokenizer->decode(Ids{7, 3, 2, 4, 5}, true), "a ä");
  EXPECT_EQ(*tokenizer->decode(Ids{7, 3}, false), "<s> a");
}

TEST(JsonTokenizer, WordPieceTextIsCleanedUp) {
  json tokenizer_json = byte_level();
  tokenizer_json["model"] = {{"type", "WordPiece"},
                             {"unk_token", "[UNK]"},
                             {"continuing_subword_prefix", "##"},
                             {"max_input_chars_per_word", 100},
                             {"vocab", {{"[UNK]", 0}, {"go", 1}, {"##ing", 2}, {".", 3}}}};
  tokenizer_json["pre_tokenizer"] = {{"type", "BertPreTokenizer"}};
  tokenizer_json["decoder"] = {{"type", "WordPiece"}, {"prefix", "##"}, {"cleanup", true}};
  tokenizer_json["added_tokens"] = json::array();
  tokenizer_json["post_processor"] = nullptr;
  const auto tokenizer = tokenizer_of(tokenizer_json);
  EXPECT_EQ(*tokenizer->encode("going go.", {}), (Ids{1, 2, 1, 3}));
  EXPECT_EQ(*tokenizer->decode(Ids{1, 2, 1, 3}, true), "going go.");
  EXPECT_EQ(tokenizer->token_bytes(2), "ing");
}

TEST(JsonTokenizer, DamagedFilesAreRefused) {
  for (const std::string& text : {std::string(), std::string("{}"), std::string("[1]"),
                                  std::string("\xFF\xFE"), byte_level().dump().substr(0, 700)}) {
    const auto tokenizer = Tokenizer::from_json(text);
    ASSERT_FALSE(tokenizer.ok()) << text;
    EXPECT_EQ(tokenizer.error().code(), ErrorCode::kInvalidArgument);
  }
  json huge_id = byte_level();
  huge_id["model"]["vocab"]["b"] = 4'000'000'000u;
  const auto tokenizer = Tokenizer::from_json(huge_id.dump());
  ASSERT_FALSE(tokenizer.ok());
  EXPECT_NE(tokenizer.error().message().find("4000000000"), std::string::npos)
      << tokenizer.error().message();
}

TEST(JsonTokenizer, IdsThatThePostProcessorMakesUpAreRefused) {
  json tokenizer = byte_level();
  tokenizer["post_processor"]["special_tokens"]["<s>"]["ids"] = {4711};
  const auto made = Tokenizer::from_json(tokenizer.dump());
  ASSERT_TRUE(made.ok()) << made.error().message();
  const auto ids = (*made)->encode("a", {});
  ASSERT_FALSE(ids.ok());
  EXPECT_EQ(ids.error().code(), ErrorCode::kInvalidArgument);
  EXPECT_NE(ids.error().message().find("4711"), std::string::npos) << ids.error().message();
  EXPECT_TRUE((*made)->encode("a", {.add_special_tokens = false}).ok());
}

}  // namespace
}  // namespace trivet
