#include <gtest/gtest.h>

#include "text/testdata/golden_files.h"
#include "text/tokenizer.h"
#include "text/utf8.h"

namespace trivet {
namespace {

std::unique_ptr<Tokenizer> tokenizer_of_file(const std::string& file) {
  Vocabulary vocabulary = read_golden_vocabulary(file);
  vocabulary.pre = "gpt-2";
  return opened(Tokenizer::from_vocabulary(vocabulary));
}

const char* const kVocabularies[] = {"byte_pair_vocabulary.json", "sentence_piece_vocabulary.json"};

// All pieces of the stream together; each must be whole characters.
std::string streamed(const Tokenizer& tokenizer, std::span<const TokenId> tokens,
                     bool skip_special) {
  TextStream stream(tokenizer, {}, skip_special);
  std::string all;
  for (const TokenId token : tokens) {
    const std::string piece = stream.push(token);
    EXPECT_EQ(find_invalid_utf8(piece), std::nullopt);
    all += piece;
  }
  return all + stream.finish();
}

TEST(TextStream, EqualsTheWholeDecoding) {
  for (const char* file : kVocabularies) {
    const auto tokenizer = tokenizer_of_file(file);
    const auto golden = read_golden("sentence_piece_tokens.json");
    for (const auto& item : golden["cases"]) {
      const auto ids = tokenizer->encode(item["text"].get<std::string>(), {});
      ASSERT_TRUE(ids.ok());
      for (const bool skip : {false, true}) {
        EXPECT_EQ(streamed(*tokenizer, *ids, skip), *tokenizer->decode(*ids, skip)) << item["text"];
      }
    }
  }
}

TEST(TextStream, EqualsTheWholeDecodingOfAnyTokens) {
  uint64_t state = 1;
  for (const char* file : kVocabularies) {
    const auto tokenizer = tokenizer_of_file(file);
    for (int round = 0; round < 200; ++round) {
      std::vector<TokenId> tokens(20);
      for (TokenId& token : tokens) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        // Many byte tokens, so that broken characters come up.
        token =
            static_cast<TokenId>((state >> 33) % (round % 2 ? 300 : tokenizer->vocab_size() + 5));
      }
      EXPECT_EQ(streamed(*tokenizer, tokens, true), *tokenizer->decode(tokens, true));
    }
  }
}

TEST(TextStream, HoldsBackAnIncompleteCharacter) {
  const auto tokenizer = tokenizer_of_file("sentence_piece_vocabulary.json");
  TextStream stream(*tokenizer, {}, true);
  const auto byte = [&](const char* name) { return tokenizer->find(name).value_or(-1); };
  EXPECT_EQ(stream.push(byte("<0xE4>")), "");
  EXPECT_EQ(stream.push(byte("<0xBD>")), "");
  TextStream fork = stream;
  EXPECT_EQ(stream.push(byte("<0xA0>")), "\u4F60");
  EXPECT_EQ(stream.finish(), "");
  EXPECT_EQ(fork.push(byte("<0x41>")), "\uFFFDA");
  EXPECT_EQ(fork.push(byte("<0xE4>")), "");
  EXPECT_EQ(fork.finish(), "\uFFFD");
}

TEST(TextStream, ALeadingSpaceIsTextOnlyAfterText) {
  const auto tokenizer = tokenizer_of_file("sentence_piece_vocabulary.json");
  const TokenId space = tokenizer->find("\u2581").value_or(-1);
  const TokenId a = tokenizer->find("a").value_or(-1), bos = tokenizer->find("<s>").value_or(-1);
  ASSERT_TRUE(space >= 0 && a >= 0 && bos >= 0);
  const auto first_text = [&](std::vector<TokenId> context) {
    TextStream stream(*tokenizer, context, true);
    const std::string text = stream.push(space);
    return text + stream.push(a);
  };
  EXPECT_EQ(first_text({}), "a");
  EXPECT_EQ(first_text({bos}), "a");
  EXPECT_EQ(first_text({bos, a}), " a");
}

}  // namespace
}  // namespace trivet
