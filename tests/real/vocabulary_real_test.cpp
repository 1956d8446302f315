// The vocabularies of known models, without weights (tools/fetch_test_templates), against the
// tokens that llama.cpp makes of odd texts (testdata/vocabularies.json, written by
// tools/golden/tokenizer_goldens.py).
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "text/tokenizer.h"
#include "weights/model_source.h"

namespace trivet {
namespace {

std::unique_ptr<Tokenizer> read_tokenizer(const std::filesystem::path& path) {
  const auto model = ModelSource::open(path.string());
  EXPECT_TRUE(model.ok()) << model.error().message();
  if (!model.ok() || !(*model)->text().vocabulary) return nullptr;
  auto made = Tokenizer::from_vocabulary(*(*model)->text().vocabulary);
  EXPECT_TRUE(made.ok()) << made.error().message();
  return made.ok() ? std::move(made).value() : nullptr;
}

// llama.cpp takes only ASCII white space for \s in the patterns of these.
bool is_approximated(const std::string& file, const std::string& text) {
  return file.find("deepseek-") != std::string::npos && text.find("\u2028") != std::string::npos;
}

TEST(RealVocabulary, EncodesAsLlamaCppDoes) {
  const char* folder = std::getenv("TRIVET_TEST_MODELS");
  if (folder == nullptr) GTEST_SKIP() << "needs the folder TRIVET_TEST_MODELS";
  const auto golden = nlohmann::json::parse(
      std::ifstream(TRIVET_SOURCE_DIR "/tests/real/testdata/vocabularies.json"));
  int tested = 0;
  for (const auto& [file, all_ids] : golden["ids"].items()) {
    const auto path = std::filesystem::path(folder) / file;
    if (!std::filesystem::exists(path)) continue;
    const auto tokenizer = read_tokenizer(path);
    ++tested;
    EXPECT_NE(tokenizer, nullptr) << file;
    if (tokenizer == nullptr) continue;
    for (size_t i = 0; i < golden["cases"].size(); ++i) {
      const std::string text = golden["cases"][i]["text"];
      const bool parse = golden["cases"][i]["parse_special"];
      if (is_approximated(file, text)) continue;
      const auto ids = tokenizer->encode(text, {.parse_special_tokens = parse});
      ASSERT_TRUE(ids.ok()) << file << ": " << ids.error().message();
      EXPECT_EQ(*ids, all_ids[i].get<std::vector<TokenId>>())
          << file << ": '" << text << "' " << parse;
    }
  }
  if (tested == 0) GTEST_SKIP() << "needs vocabularies; tools/fetch_test_templates gets them";
}

}  // namespace
}  // namespace trivet
