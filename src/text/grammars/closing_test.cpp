// Texts that run out of tokens: what completes them is known before it is too late.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "text/grammar.h"
#include "text/testdata/golden_files.h"

namespace trivet {
namespace {

using nlohmann::json;

class ClosingTest : public ::testing::Test {
 protected:
  ClosingTest() {
    Vocabulary vocabulary = read_golden_vocabulary("byte_pair_vocabulary.json");
    vocabulary.pre = "qwen2";
    tokenizer_ = std::move(Tokenizer::from_vocabulary(vocabulary)).value();
    end_ = *tokenizer_->find("<|endoftext|>");
    compiler_ = std::move(GrammarCompiler::create(*tokenizer_, std::span(&end_, 1))).value();
  }

  std::unique_ptr<Grammar> compile(GrammarKind kind, std::string_view source) const {
    auto grammar = compiler_->compile(kind, source);
    EXPECT_TRUE(grammar.ok()) << grammar.error().message();
    return grammar ? std::move(*grammar) : nullptr;
  }

  std::string text_of(std::span<const TokenId> tokens) const {
    std::string text;
    for (const TokenId token : tokens) text += tokenizer_->token_bytes(token);
    return text;
  }

  // What would complete the text after `prefix`.
  std::string completion(Grammar& grammar, std::string_view prefix) const {
    const auto ids = tokenizer_->encode(prefix, {false, false});
    EXPECT_EQ(*grammar.accept(*ids), ids->size()) << prefix;
    const auto tokens = grammar.closing();
    EXPECT_TRUE(tokens.ok()) << tokens.error().message();
    return tokens ? text_of(*tokens) : "";
  }
  std::string completion(GrammarKind kind, std::string_view source, std::string_view prefix) const {
    return completion(*compile(kind, source), prefix);
  }

  TokenId draw(Grammar& grammar, std::mt19937& random) const {
    std::vector<uint32_t> mask(static_cast<size_t>(tokenizer_->vocab_size()) / 32 + 1);
    EXPECT_TRUE(grammar.fill_mask(mask).ok());
    std::vector<TokenId> allowed;
    for (TokenId t = 0; t < tokenizer_->vocab_size(); ++t) {
      if (mask[static_cast<size_t>(t) / 32] >> (t % 32) & 1) allowed.push_back(t);
    }
    return allowed.empty() ? end_ : allowed[random() % allowed.size()];
  }

  // A random text of at most `budget` tokens, completed when the budget runs out.
  std::string random_text(const Grammar& start, int budget, std::mt19937& random) const {
    auto grammar = std::move(start.clone()).value();
    std::string text;
    for (int left = budget; left > 0; --left) {
      if (*grammar->is_terminated()) break;
      const TokenId token = draw(*grammar, random);
      const auto offer = grammar->accept_within(token, left - 1);
      EXPECT_TRUE(offer.ok()) << offer.error().message();
      if (*offer == Grammar::Offer::kTooLong) {
        const auto rest = grammar->closing();
        EXPECT_TRUE(rest.ok()) << text;
        EXPECT_LE(rest->size(), static_cast<size_t>(left)) << text;
        return text + text_of(*rest);
      }
      EXPECT_EQ(*offer, Grammar::Offer::kAccepted);
      if (token == end_) break;
      text += tokenizer_->token_bytes(token);
    }
    return text;
  }

  std::unique_ptr<Tokenizer> tokenizer_;
  TokenId end_ = 0;
  std::unique_ptr<GrammarCompiler> compiler_;
};

TEST_F(ClosingTest, TheShortestTextOfASchemaIsFound) {
  const auto schema = [&](const char* source) {
    return completion(GrammarKind::kJsonSchema, source, "");
  };
  EXPECT_EQ(schema(R"({"type":"object"})"), "{}");
  EXPECT_EQ(schema(R"({"type":"array","items":{"type":"integer"},"minItems":2})"), "[0,0]");
  EXPECT_EQ(schema(R"({"enum":["long text","ab",12345]})"), R"("ab")");
  EXPECT_EQ(schema(R"({"type":"string","minLength":3})").size(), 5u);
  EXPECT_EQ(schema(R"({"anyOf":[{"type":"object"},{"type":"null"}]})"), "{}");
  EXPECT_EQ(schema(R"({"type":"object","properties":{"a":{"type":"object"},"b":{"type":"boolean"}},
                      "required":["b"]})"),
            R"({"b":true})");
}

TEST_F(ClosingTest, RecursiveSchemasGoNoDeeper) {
  EXPECT_EQ(completion(GrammarKind::kJsonSchema,
                       R"({"$ref":"#/$defs/node","$defs":{"node":{"type":"object",
                           "additionalProperties":false,
                           "properties":{"left":{"$ref":"#/$defs/node"},"value":{"type":"integer"}},
                           "required":["value"]}}})",
                       R"({"left":{"left":{)"),
            R"("value":0},"value":0},"value":0})");
}

TEST_F(ClosingTest, WhatHasBegunIsEnded) {
  const char* schema =
      R"({"type":"object","properties":{"name":{"type":"string"},"size":{"type":"number"}},
          "required":["name","size"],"additionalProperties":false})";
  const auto after = [&](const char* prefix) {
    return completion(GrammarKind::kJsonSchema, schema, prefix);
  };
  EXPECT_EQ(after(R"({"na)"), R"(me":"","size":0})");
  EXPECT_EQ(after(R"({"name": "x)"), R"(","size":0})");
  EXPECT_EQ(after(R"({"name": "x", )"), R"("size":0})");
  EXPECT_EQ(after(R"({"name": "x", "size": 1.)"), "0}");
  EXPECT_EQ(after(R"({"name": "x", "size": 12)"), "}");
  EXPECT_EQ(after(R"({"name": "x", "size": 12})"), "");
}

TEST_F(ClosingTest, RegexAndLarkGrammarsAreCompletedToo) {
  EXPECT_EQ(completion(GrammarKind::kRegex, "a+(bcd|e)", "aa"), "e");
  EXPECT_EQ(completion(GrammarKind::kRegex, "a+(bcd|e)", "ab"), "cd");
  EXPECT_EQ(completion(GrammarKind::kLark,
                       "start: \"(\" start \")\" | value\nvalue: \"x\" | \"yy\"\n", "((y"),
            "y))");
}

TEST_F(ClosingTest, RollbackAndClonesKeepTheCompletion) {
  const auto grammar = compile(GrammarKind::kJsonSchema, R"({"type":"array"})");
  EXPECT_EQ(completion(*grammar, "[[["), "]]]");
  const auto copy = std::move(grammar->clone()).value();
  const auto more = *tokenizer_->encode("{\"a\":", {false, false});
  ASSERT_EQ(*grammar->accept(more), more.size());
  EXPECT_EQ(text_of(*grammar->closing()).substr(1), "}]]]");
  ASSERT_TRUE(grammar->rollback(more.size()).ok());
  EXPECT_EQ(text_of(*grammar->closing()), "]]]");
  EXPECT_EQ(text_of(*copy->closing()), "]]]");
}

TEST_F(ClosingTest, ATokenThatWouldNotFitIsRefusedAndChangesNothing) {
  const auto grammar = compile(GrammarKind::kJsonSchema, R"({"type":"array"})");
  const TokenId open = tokenizer_->encode("[", {false, false})->front();
  EXPECT_EQ(*grammar->accept_within(open, 0), Grammar::Offer::kTooLong);
  EXPECT_EQ(*grammar->accept_within(open, 1), Grammar::Offer::kAccepted);
  EXPECT_EQ(*grammar->accept_within(open, 1), Grammar::Offer::kTooLong);
  EXPECT_EQ(text_of(*grammar->closing()), "]");
  EXPECT_EQ(*grammar->accept_within(tokenizer_->encode("x", {false, false})->front(), 9),
            Grammar::Offer::kForbidden);
}

// Whatever the budget, from the shortest text on: a value of the schema comes out.
TEST_F(ClosingTest, RandomTextsOfAnyBudgetAreComplete) {
  const auto start = compile(GrammarKind::kJsonSchema, R"({
    "type": "object", "required": ["id", "tags", "inner"], "additionalProperties": {"type": "string"},
    "properties": {
      "id": {"type": "string", "pattern": "^[a-f]{3}-[0-9]+$"},
      "tags": {"type": "array", "items": {"enum": ["red", "green"]}, "minItems": 1},
      "inner": {"anyOf": [{"type": "null"}, {"type": "object", "required": ["n"],
                "properties": {"n": {"type": "number", "minimum": 1.5, "maximum": 99}}}]},
      "free": {}}})");
  ASSERT_TRUE(start->can_close());
  const int least = static_cast<int>(start->closing()->size());
  std::mt19937 random(3);
  for (int i = 0; i < 60; ++i) {
    const std::string text = random_text(*start, least + i, random);
    const json value = json::parse(text, nullptr, false);
    ASSERT_TRUE(value.is_object()) << text;
    ASSERT_TRUE(value.contains("id") && value["tags"].is_array() && value.contains("inner"))
        << text;
    EXPECT_GE(value["tags"].size(), 1u) << text;
    EXPECT_EQ(value["id"].get<std::string>()[3], '-') << text;
  }
}

}  // namespace
}  // namespace trivet
