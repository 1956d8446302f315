// The tokenizers of real GGUF models, against the tokens that llama.cpp makes of odd texts
// (testdata/tokens_*.json, written by tools/golden/tokenizer_goldens.py).
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "text/tokenizer.h"
#include "text/utf8.h"
#include "weights/model_source.h"

namespace trivet {
namespace {

// A model file and the golden of its vocabulary; models of one family share one.
struct RealModel {
  const char* name;
  const char* file;
  const char* golden;
  bool sentence_piece = false;
};

// SentencePiece writes a space as U+2581, so that mark itself comes back as a space.
std::string with_marks_as_spaces(std::string text) {
  const std::string mark = "\u2581";
  for (size_t at = text.find(mark); at != std::string::npos; at = text.find(mark, at))
    text.replace(at, mark.size(), " ");
  return text;
}

void PrintTo(const RealModel& model, std::ostream* out) { *out << model.file; }

class RealTokenizer : public testing::TestWithParam<RealModel> {
 protected:
  void SetUp() override {
    const char* folder = std::getenv("TRIVET_TEST_MODELS");
    if (folder == nullptr) GTEST_SKIP() << "needs the folder TRIVET_TEST_MODELS";
    const auto path = std::filesystem::path(folder) / GetParam().file;
    if (!std::filesystem::exists(path)) GTEST_SKIP() << "needs " << path;
    const auto model = ModelSource::open(path.string());
    ASSERT_TRUE(model.ok()) << model.error().message();
    ASSERT_TRUE((*model)->text().vocabulary.has_value());
    auto made = Tokenizer::from_vocabulary(*(*model)->text().vocabulary);
    ASSERT_TRUE(made.ok()) << made.error().message();
    tokenizer_ = std::move(made).value();
    const std::string golden = std::string("/tests/real/testdata/") + GetParam().golden;
    cases_ = nlohmann::json::parse(std::ifstream(TRIVET_SOURCE_DIR + golden))["cases"];
    ASSERT_GT(cases_.size(), 50u);
  }

  std::vector<TokenId> encode(const std::string& text, EncodeOptions options) const {
    const auto ids = tokenizer_->encode(text, options);
    EXPECT_TRUE(ids.ok()) << text << ": " << ids.error().message();
    return ids.ok() ? *ids : std::vector<TokenId>();
  }

  std::string decode(std::span<const TokenId> ids, bool skip_special) const {
    const auto text = tokenizer_->decode(ids, skip_special);
    EXPECT_TRUE(text.ok()) << text.error().message();
    return text.ok() ? *text : std::string();
  }

  std::unique_ptr<Tokenizer> tokenizer_;
  nlohmann::json cases_;
};

TEST_P(RealTokenizer, EncodesAsLlamaCppDoes) {
  int with_special = 0, without_special = 0;
  for (const auto& item : cases_) {
    const std::string text = item["text"];
    const bool parse = item["parse_special"];
    ++(parse ? with_special : without_special);
    EXPECT_EQ(encode(text, {.parse_special_tokens = parse}),
              item["ids"].get<std::vector<TokenId>>())
        << "'" << text << "', parse_special " << parse;
  }
  EXPECT_GT(with_special, 0);
  EXPECT_GT(without_special, 0);
}

TEST_P(RealTokenizer, DecodingGivesTheTextBack) {
  for (const auto& item : cases_) {
    const std::string text = item["text"];
    const auto ids =
        encode(text, {.add_special_tokens = false, .parse_special_tokens = item["parse_special"]});
    EXPECT_EQ(decode(ids, false), GetParam().sentence_piece ? with_marks_as_spaces(text) : text);
  }
}

TEST_P(RealTokenizer, StreamedPiecesAreWholeCharactersAndMakeTheDecodedText) {
  for (const auto& item : cases_) {
    const auto ids = item["ids"].get<std::vector<TokenId>>();
    for (const bool skip_special : {false, true}) {
      TextStream stream(*tokenizer_, {}, skip_special);
      std::string streamed;
      for (size_t i = 0; i <= ids.size(); ++i) {
        const std::string piece = i < ids.size() ? stream.push(ids[i]) : stream.finish();
        EXPECT_FALSE(find_invalid_utf8(piece).has_value()) << item["text"] << " piece " << i;
        streamed += piece;
      }
      EXPECT_EQ(streamed, decode(ids, skip_special)) << item["text"];
    }
  }
}

TEST_P(RealTokenizer, SequencesCutInsideACharacterAreReplacedAlikeInStreamAndWhole) {
  int cut = 0;
  for (const auto& item : cases_) {
    const auto ids = item["ids"].get<std::vector<TokenId>>();
    for (size_t count = 0; count < ids.size(); ++count) {
      const std::span<const TokenId> prefix(ids.data(), count);
      TextStream stream(*tokenizer_, {}, true);
      std::string streamed;
      for (const TokenId id : prefix) streamed += stream.push(id);
      const std::string rest = stream.finish();
      if (!rest.empty()) ++cut;
      const std::string whole = decode(prefix, true);
      EXPECT_EQ(streamed + rest, whole) << item["text"] << " after " << count;
      EXPECT_FALSE(find_invalid_utf8(whole).has_value());
    }
  }
  EXPECT_GT(cut, 0) << "no text of the golden has a character of several tokens";
}

INSTANTIATE_TEST_SUITE_P(
    Gguf, RealTokenizer,
    testing::Values(RealModel{"SmolLm2", "SmolLM2-135M-Instruct.Q4_1.gguf",
                              "tokens_SmolLM2-135M-Instruct.Q4_1.json"},
                    RealModel{"Gemma3", "gemma-3-270m-Q4_K_M.gguf",
                              "tokens_gemma-3-270m-Q4_K_M.json", true},
                    RealModel{"Qwen25Coder05b", "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
                              "tokens_qwen2.5-coder-0.5b-instruct-q4_k_m.json"},
                    RealModel{"Qwen25Coder15b", "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
                              "tokens_qwen2.5-coder-0.5b-instruct-q4_k_m.json"}),
    [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace trivet
