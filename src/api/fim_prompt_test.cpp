#include "api/fim_prompt.h"

#include <gtest/gtest.h>

#include "api/fake_text.h"

namespace trivet {
namespace {

// The fake tokenizer, with marks behind its vocabulary.
class MarkedTokenizer final : public Tokenizer {
 public:
  explicit MarkedTokenizer(std::vector<std::string> marks) : marks_(std::move(marks)) {}

  Result<std::vector<TokenId>> encode(std::string_view text, EncodeOptions options) const override {
    return plain_.encode(text, options);
  }
  Result<std::string> decode(std::span<const TokenId> tokens, bool) const override {
    std::string text;
    for (const TokenId token : tokens) text += token_bytes(token);
    return text;
  }
  int vocab_size() const override {
    return FakeTokenizer::kVocabSize + static_cast<int>(marks_.size());
  }
  std::string_view token_bytes(TokenId token) const override {
    if (token < FakeTokenizer::kVocabSize) return plain_.token_bytes(token);
    return marks_[static_cast<size_t>(token - FakeTokenizer::kVocabSize)];
  }
  bool is_special(TokenId token) const override { return token >= FakeTokenizer::kBos; }
  std::optional<TokenId> find(std::string_view name) const override {
    for (size_t i = 0; i < marks_.size(); ++i) {
      if (marks_[i] == name) return FakeTokenizer::kVocabSize + static_cast<TokenId>(i);
    }
    return plain_.find(name);
  }

 private:
  FakeTokenizer plain_;
  std::vector<std::string> marks_;
};

const std::vector<std::string> kQwen = {"<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>",
                                        "<|repo_name|>",  "<|file_sep|>",   "<|endoftext|>"};

std::string prompt_of(const FimText& text, const std::vector<std::string>& marks, int context = 200,
                      int answer = 10) {
  const MarkedTokenizer tokenizer(marks);
  ServedModel model;
  model.tokenizer = &tokenizer;
  model.max_model_len = context;
  const auto found = find_fim_tokens(tokenizer);
  if (!found) return "no marks";
  const auto tokens = fim_prompt(text, *found, answer, model);
  if (!tokens) return tokens.error().message();
  EXPECT_LE(tokens->size() + static_cast<size_t>(std::min(answer, context / 2)),
            static_cast<size_t>(context));
  return tokenizer.decode(*tokens, false).value();
}

TEST(FimPrompt, PutsPrefixSuffixAndMiddleInTheModelsOrder) {
  EXPECT_EQ(prompt_of({"a", "b", "", {}}, kQwen),
            "<s><|fim_prefix|>a<|fim_suffix|>b<|fim_middle|>");
  EXPECT_EQ(prompt_of({"a", "b", "c", {}}, {"[SUFFIX]", "[PREFIX]", "[MIDDLE]"}),
            "<s>[SUFFIX]b[PREFIX]ac[MIDDLE]");
  EXPECT_EQ(prompt_of({"a", "b", "", {}}, {"<|fim_prefix|>"}), "no marks");
}

TEST(FimPrompt, PutsFilesOfTheProjectBefore) {
  EXPECT_EQ(prompt_of({"a", "b", "", {{"x.py", "X"}, {"y.py", "Y"}}}, kQwen),
            "<s><|repo_name|>project\n<|file_sep|>x.py\nX<|file_sep|>y.py\nY<|file_sep|>file\n"
            "<|fim_prefix|>a<|fim_suffix|>b<|fim_middle|>");
}

TEST(FimPrompt, CutsWhatDoesNotFitFromTheFarEnds) {
  const std::string prefix = std::string(100, 'x') + "near";
  const std::string suffix = "near" + std::string(100, 'y');
  // 40 tokens of context, less BOS, 3 marks and 10 of answer: 26, a quarter of it for the suffix.
  EXPECT_EQ(prompt_of({prefix, suffix, "", {}}, kQwen, 40),
            "<s><|fim_prefix|>" + prefix.substr(prefix.size() - 20) + "<|fim_suffix|>" +
                suffix.substr(0, 6) + "<|fim_middle|>");
  EXPECT_EQ(prompt_of({"a", suffix, "", {}}, kQwen, 40),
            "<s><|fim_prefix|>a<|fim_suffix|>" + suffix.substr(0, 25) + "<|fim_middle|>");
  // No room for files; room for the last one only.
  const std::vector<FimFile> files = {{"x", std::string(60, 'X')}, {"y", "Y"}};
  EXPECT_EQ(prompt_of({"a", "b", "", files}, kQwen, 24),
            "<s><|fim_prefix|>a<|fim_suffix|>b<|fim_middle|>");
  EXPECT_EQ(prompt_of({"a", "b", "", files}, kQwen, 60),
            "<s><|repo_name|>project\n<|file_sep|>y\nY<|file_sep|>file\n"
            "<|fim_prefix|>a<|fim_suffix|>b<|fim_middle|>");
}

TEST(FimPrompt, KeepsHalfOfTheContextForTheTextWhateverTheAnswerMayBe) {
  EXPECT_EQ(prompt_of({"abc", "def", "", {}}, kQwen, 20, 4096),
            "<s><|fim_prefix|>abc<|fim_suffix|>def<|fim_middle|>");
}

TEST(FimPrompt, NamesTheTokensThatEndAnAnswer) {
  const MarkedTokenizer tokenizer(kQwen);
  EXPECT_EQ(find_fim_tokens(tokenizer)->ends,
            (std::vector<TokenId>{FakeTokenizer::kVocabSize + 3, FakeTokenizer::kVocabSize + 4,
                                  FakeTokenizer::kVocabSize + 5}));
}

}  // namespace
}  // namespace trivet
