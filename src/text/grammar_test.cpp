#include "text/grammar.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <ctime>
#include <random>

#include "text/testdata/golden_files.h"

namespace trivet {
namespace {

using nlohmann::json;
using testing::HasSubstr;

class GrammarTest : public testing::Test {
 protected:
  GrammarTest() {
    Vocabulary vocabulary = read_golden_vocabulary("byte_pair_vocabulary.json");
    vocabulary.pre = "qwen2";
    tokenizer_ = std::move(Tokenizer::from_vocabulary(vocabulary)).value();
    ends_ = {*tokenizer_->find("<|im_end|>"), *tokenizer_->find("<|endoftext|>")};
    compiler_ = std::move(GrammarCompiler::create(*tokenizer_, ends_)).value();
  }

  std::unique_ptr<Grammar> compile(GrammarKind kind, std::string_view source) const {
    auto grammar = compiler_->compile(kind, source);
    if (grammar.ok()) return std::move(grammar).value();
    ADD_FAILURE() << source << ": " << grammar.error().message();
    return nullptr;
  }

  std::vector<TokenId> tokens(std::string_view text) const {
    return *tokenizer_->encode(text, {.add_special_tokens = false, .parse_special_tokens = false});
  }

  // Takes all of `text`.
  void accept(Grammar& grammar, std::string_view text) const {
    const auto ids = tokens(text);
    const auto count = grammar.accept(ids);
    ASSERT_TRUE(count.ok()) << count.error().message();
    ASSERT_EQ(*count, ids.size()) << text;
  }

  std::vector<TokenId> allowed(Grammar& grammar) const {
    const int size = tokenizer_->vocab_size();
    // A word more than needed, filled with what must be cleared.
    std::vector<uint32_t> mask(static_cast<size_t>(size) / 32 + 2, ~0u);
    const auto filled = grammar.fill_mask(mask);
    EXPECT_TRUE(filled.ok()) << filled.error().message();
    std::vector<TokenId> result;
    for (size_t t = 0; t < mask.size() * 32; ++t)
      if (mask[t / 32] >> (t % 32) & 1) result.push_back(static_cast<TokenId>(t));
    return result;
  }

  // What may follow `prefix` if exactly the texts of `language` are legal.
  std::vector<TokenId> legal(const std::vector<std::string>& language,
                             const std::string& prefix) const {
    std::vector<TokenId> result;
    for (TokenId t = 0; t < tokenizer_->vocab_size(); ++t) {
      const bool end = std::find(ends_.begin(), ends_.end(), t) != ends_.end();
      if (!end && (tokenizer_->is_special(t) || tokenizer_->token_bytes(t).empty())) continue;
      const std::string text = prefix + std::string(tokenizer_->token_bytes(t));
      const auto continues = [&](const std::string& word) {
        return end ? word == prefix : word.starts_with(text);
      };
      if (std::any_of(language.begin(), language.end(), continues)) result.push_back(t);
    }
    return result;
  }

  // Walks random legal texts of a grammar whose language is finite and compares every mask.
  void expect_language(GrammarKind kind, std::string_view source,
                       const std::vector<std::string>& language) const {
    const auto start = compile(kind, source);
    ASSERT_NE(start, nullptr);
    std::mt19937 random(7);
    for (int walk = 0; walk < 20; ++walk) {
      auto grammar = std::move(start->clone()).value();
      std::string prefix;
      for (bool ended = false; !ended;) {
        const auto expected = legal(language, prefix);
        ASSERT_EQ(allowed(*grammar), expected) << source << " after '" << prefix << "'";
        EXPECT_EQ(*grammar->is_accepting(),
                  std::count(language.begin(), language.end(), prefix) > 0)
            << prefix;
        const TokenId token = expected[random() % expected.size()];
        ASSERT_EQ(*grammar->accept({&token, 1}), 1u);
        ended = std::find(ends_.begin(), ends_.end(), token) != ends_.end();
        if (!ended) prefix += tokenizer_->token_bytes(token);
      }
      EXPECT_TRUE(*grammar->is_terminated()) << prefix;
    }
  }

  // A random legal text, with its end token taken; empty after a failure.
  std::string random_text(Grammar& grammar, std::mt19937& random) const {
    std::string text;
    for (int step = 0; step < 4000; ++step) {
      const auto choices = allowed(grammar);
      if (choices.empty()) break;
      const TokenId token = choices[random() % choices.size()];
      EXPECT_EQ(*grammar.accept({&token, 1}), 1u) << tokenizer_->token_bytes(token);
      if (std::find(ends_.begin(), ends_.end(), token) != ends_.end()) return text;
      text += tokenizer_->token_bytes(token);
    }
    ADD_FAILURE() << "no end: " << text;
    return "";
  }

  std::string error(GrammarKind kind, std::string_view source) const {
    const std::clock_t start = std::clock();
    const auto grammar = compiler_->compile(kind, source);
    EXPECT_LT(static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC, 10)
        << source.substr(0, 200);
    EXPECT_FALSE(grammar.ok()) << source.substr(0, 200);
    if (grammar.ok()) return "";
    EXPECT_EQ(grammar.error().code(), ErrorCode::kInvalidArgument);
    return grammar.error().message();
  }

  std::unique_ptr<Tokenizer> tokenizer_;
  std::vector<TokenId> ends_;
  std::unique_ptr<GrammarCompiler> compiler_;
};

TEST_F(GrammarTest, MasksOfARegexAllowExactlyTheLegalTokens) {
  std::vector<std::string> language;
  for (const char* name : {"the ", "there ", "World"})
    for (char digit = '0'; digit <= '9'; ++digit)
      for (const char* tail : {"", "ä", "äb"}) language.push_back(std::string(name) + digit + tail);
  expect_language(GrammarKind::kRegex, "(the |there |World)[0-9](äb?)?", language);
}

TEST_F(GrammarTest, MasksOfALarkGrammarAllowExactlyTheLegalTokens) {
  expect_language(
      GrammarKind::kLark,
      "start: greeting \" \" name mark?\n"
      "greeting: \"Hello\" | \"Hi\"\n"
      "name: \"world\" | \"wo\"\n"
      "mark: \"!\" | \"!!\"\n",
      {"Hello world", "Hello world!", "Hello world!!", "Hello wo", "Hello wo!", "Hello wo!!",
       "Hi world", "Hi world!", "Hi world!!", "Hi wo", "Hi wo!", "Hi wo!!"});
}

TEST_F(GrammarTest, MasksOfAJsonSchemaAllowExactlyTheLegalTokens) {
  expect_language(GrammarKind::kJsonSchema, R"({"enum": ["text", "tex", 12, 123, true, null]})",
                  {"\"text\"", "\"tex\"", "12", "123", "true", "null"});
}

TEST_F(GrammarTest, RandomTextsOfASchemaConformToIt) {
  const auto start = compile(GrammarKind::kJsonSchema, R"({
    "type": "object", "additionalProperties": false, "required": ["name", "size"],
    "properties": {"name": {"type": "string", "maxLength": 5},
                   "size": {"type": "integer", "minimum": -3, "maximum": 40},
                   "tags": {"type": "array", "items": {"enum": ["a", "b"]}, "maxItems": 2}}})");
  ASSERT_NE(start, nullptr);
  std::mt19937 random(11);
  for (int i = 0; i < 20; ++i) {
    auto grammar = std::move(start->clone()).value();
    const std::string text = random_text(*grammar, random);
    const json value = json::parse(text, nullptr, false);
    ASSERT_TRUE(value.is_object()) << text;
    EXPECT_TRUE(value.at("name").is_string()) << text;
    ASSERT_TRUE(value.at("size").is_number_integer()) << text;
    EXPECT_GE(value["size"], -3) << text;
    EXPECT_LE(value["size"], 40) << text;
    EXPECT_EQ(value.size(), value.contains("tags") ? 3u : 2u) << text;
    if (value.contains("tags")) {
      EXPECT_LE(value["tags"].size(), 2u) << text;
    }
  }
}

TEST_F(GrammarTest, AcceptStopsBeforeTheFirstIllegalToken) {
  const auto grammar = compile(GrammarKind::kRegex, "[ab]{2}c");
  const auto count = grammar->accept(tokens("abx"));
  ASSERT_TRUE(count.ok()) << count.error().message();
  EXPECT_LT(*count, tokens("abx").size());
  accept(*grammar, "c");
  EXPECT_TRUE(*grammar->is_accepting());
}

TEST_F(GrammarTest, TokensOutsideTheVocabularyAndControlTokensAreNotAccepted) {
  const auto start = compile(GrammarKind::kRegex, "(.|\\n)*");
  for (const TokenId token : {TokenId{-1}, tokenizer_->vocab_size(), TokenId{1 << 30},
                              *tokenizer_->find("<|im_start|>")}) {
    const auto grammar = std::move(start->clone()).value();
    const auto count = grammar->accept({&token, 1});
    if (count.ok()) {
      EXPECT_EQ(*count, 0u) << token;
    }
  }
}

TEST_F(GrammarTest, RollbackRestoresTheState) {
  const auto grammar = compile(GrammarKind::kRegex, "ab*(cd)?e");
  const auto before = allowed(*grammar);
  accept(*grammar, "a");
  const auto after_a = allowed(*grammar);
  EXPECT_NE(after_a, before);
  const auto more = tokens("bbbcde");
  ASSERT_EQ(*grammar->accept(more), more.size());
  EXPECT_TRUE(*grammar->is_accepting());
  ASSERT_TRUE(grammar->rollback(more.size()).ok());
  EXPECT_EQ(allowed(*grammar), after_a);
  EXPECT_FALSE(*grammar->is_accepting());
  ASSERT_TRUE(grammar->rollback(1).ok());
  EXPECT_EQ(allowed(*grammar), before);
  accept(*grammar, "ae");
}

TEST_F(GrammarTest, RollbackReopensAnEndedSequence) {
  const auto grammar = compile(GrammarKind::kRegex, "ab?");
  accept(*grammar, "a");
  const auto open = allowed(*grammar);
  EXPECT_FALSE(*grammar->is_terminated());
  ASSERT_EQ(*grammar->accept({&ends_[1], 1}), 1u);
  EXPECT_TRUE(*grammar->is_terminated());
  ASSERT_TRUE(grammar->rollback(1).ok());
  EXPECT_FALSE(*grammar->is_terminated());
  EXPECT_EQ(allowed(*grammar), open);
}

TEST_F(GrammarTest, AnEndAfterACompleteTextIsAcceptedOnceAndRolledBack) {
  const auto grammar = compile(GrammarKind::kRegex, "ab");
  std::vector<TokenId> ids = tokens("ab");
  ids.insert(ids.end(), {ends_[0], ends_[1]});
  ASSERT_EQ(*grammar->accept(ids), ids.size() - 1);
  EXPECT_EQ(*grammar->accept({&ends_[0], 1}), 0u);
  EXPECT_EQ(*std::move(grammar->clone()).value()->accept({&ends_[0], 1}), 0u);
  ASSERT_TRUE(grammar->rollback(1).ok());
  EXPECT_TRUE(*grammar->is_accepting());
  ASSERT_EQ(*grammar->accept({&ends_[1], 1}), 1u);
  ASSERT_TRUE(grammar->rollback(ids.size() - 1).ok());
  accept(*grammar, "ab");
}

TEST_F(GrammarTest, RollbackBeforeTheStartIsAnError) {
  const auto grammar = compile(GrammarKind::kRegex, "ab");
  accept(*grammar, "a");
  EXPECT_FALSE(grammar->rollback(1000).ok());
}

TEST_F(GrammarTest, ClonesGoTheirOwnWays) {
  const auto first = compile(GrammarKind::kRegex, "a(b|c)d");
  accept(*first, "a");
  const auto second = std::move(first->clone()).value();
  EXPECT_EQ(allowed(*first), allowed(*second));
  accept(*first, "b");
  accept(*second, "cd");
  EXPECT_FALSE(*first->is_accepting());
  EXPECT_TRUE(*second->is_accepting());
  accept(*first, "d");
  EXPECT_TRUE(*first->is_accepting());
}

TEST_F(GrammarTest, OnlyEndsMayFollowACompleteText) {
  const auto grammar = compile(GrammarKind::kRegex, "ab");
  EXPECT_FALSE(*grammar->is_terminated());
  accept(*grammar, "ab");
  EXPECT_TRUE(*grammar->is_accepting());
  auto ends = ends_;
  std::sort(ends.begin(), ends.end());
  EXPECT_EQ(allowed(*grammar), ends);
}

TEST_F(GrammarTest, ForcedBytesAreThoseWithoutAChoice) {
  const auto grammar = compile(GrammarKind::kRegex, "abc[de]f");
  EXPECT_EQ(*grammar->forced_bytes(), "abc");
  accept(*grammar, "abc");
  EXPECT_EQ(*grammar->forced_bytes(), "");
  accept(*grammar, "d");
  EXPECT_EQ(*grammar->forced_bytes(), "f");
}

TEST_F(GrammarTest, WhatIsWrongWithAGrammarIsSaid) {
  EXPECT_THAT(error(GrammarKind::kJsonSchema, "{"), HasSubstr("not JSON"));
  EXPECT_THAT(error(GrammarKind::kJsonSchema, R"({"type": "nonsense"})"), HasSubstr("nonsense"));
  EXPECT_THAT(error(GrammarKind::kRegex, "(a"), HasSubstr("cannot be used"));
  EXPECT_THAT(error(GrammarKind::kLark, "start: missing_rule"), HasSubstr("missing_rule"));
  EXPECT_THAT(error(GrammarKind::kLark, ""), HasSubstr("cannot be used"));
  error(GrammarKind::kRegex, "\xFF");
}

TEST_F(GrammarTest, OnlyDaysThatExistAreDates) {
  const auto allows = [&](const char* schema, const std::string& text) {
    const auto grammar = compile(GrammarKind::kJsonSchema, schema);
    const auto ids = tokens(text);
    return *grammar->accept(ids) == ids.size() && *grammar->is_accepting();
  };
  const char* date = R"({"type":"string","format":"date"})";
  EXPECT_TRUE(allows(date, R"("2024-02-29")"));
  EXPECT_TRUE(allows(date, R"("2000-02-29")"));
  EXPECT_FALSE(allows(date, R"("2023-02-29")"));
  EXPECT_FALSE(allows(date, R"("1900-02-29")"));
  EXPECT_FALSE(allows(date, R"("0000-01-01")"));
  const char* time = R"({"properties":{"format":{"format":"date-time"}},"type":"object"})";
  EXPECT_TRUE(allows(time, R"({"format":"2024-02-29T23:59:59.5+01:00"})"));
  EXPECT_FALSE(allows(time, R"({"format":"2024-02-29T23:59:60Z"})"));
  EXPECT_TRUE(allows(R"({"format":"date","pattern":"^2024","type":"string"})", R"("2024-05-31")"));
  EXPECT_FALSE(allows(R"({"format":"date","pattern":"^2024","type":"string"})", R"("2023-05-31")"));
  EXPECT_TRUE(allows(R"({"const":{"format":"date"}})", R"({"format":"date"})"));
}

TEST_F(GrammarTest, SchemasFetchNothing) {
  error(GrammarKind::kJsonSchema, R"({"$ref": "http://127.0.0.1:1/x.json"})");
  error(GrammarKind::kJsonSchema, R"({"$ref": "file:///etc/passwd"})");
}

TEST_F(GrammarTest, GrammarsThatCostTooMuchAreRefused) {
  const auto repeat = [](std::string_view text, int count) {
    std::string result;
    for (int i = 0; i < count; ++i) result += text;
    return result;
  };
  EXPECT_THAT(error(GrammarKind::kRegex, std::string((1 << 20) + 1, 'a')), HasSubstr("1048577"));
  error(GrammarKind::kRegex, repeat("(", 100'000) + repeat(")", 100'000));
  error(GrammarKind::kJsonSchema, repeat("{\"not\":", 100'000) + "{}" + repeat("}", 100'000));
  error(GrammarKind::kJsonSchema, repeat("[", 100'000));
  error(GrammarKind::kLark, "start: " + repeat("(", 100'000) + "\"a\"" + repeat(")", 100'000));
}

// Legal, but each of its steps can be made to cost much: it works or it fails, at once.
TEST_F(GrammarTest, TheWorkOfAStepIsBounded) {
  for (const char* source :
       {"((a{1,1000}){1,1000}){1,1000}", "(a|aa|aaa|aaaa|aaaaa)*b", "(.*a){20}",
        "(.*a.{300}b)|(.*c.{300}d)", "(a?){5000}a{5000}", "[^x]{1,100000}"}) {
    const std::clock_t start = std::clock();  // of the processor: others may want it too
    const auto compiled = compiler_->compile(GrammarKind::kRegex, source);
    if (compiled.ok()) {
      std::vector<uint32_t> mask(static_cast<size_t>(tokenizer_->vocab_size()) / 32 + 1);
      for (int step = 0; step < 20; ++step) {
        if (!(*compiled)->fill_mask(mask).ok() || !(*compiled)->accept(tokens("a")).ok()) break;
      }
    }
    EXPECT_LT(static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC, 10) << source;
  }
}

TEST_F(GrammarTest, ACompilerNeedsAnEndTokenOfTheVocabulary) {
  const std::vector<TokenId> outside = {tokenizer_->vocab_size()};
  EXPECT_FALSE(GrammarCompiler::create(*tokenizer_, {}).ok());
  EXPECT_FALSE(GrammarCompiler::create(*tokenizer_, outside).ok());
}

TEST_F(GrammarTest, GrammarsOutliveTheirCompiler) {
  const auto grammar = compile(GrammarKind::kRegex, "ab");
  compiler_.reset();
  accept(*grammar, "ab");
  EXPECT_TRUE(*grammar->is_accepting());
}

}  // namespace
}  // namespace trivet
