// The chat templates of known models, in the folder that TRIVET_TEST_TEMPLATES names
// (tools/fetch_test_templates), against what Hugging Face's apply_chat_template makes of them
// (testdata/packaged_templates.json).
#include <openssl/sha.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "base/hex.h"
#include "text/testdata/template_rendering.h"

namespace trivet {
namespace {

using ordered_json = nlohmann::ordered_json;  // templates print objects in the order of the request

// The first half of the SHA-256, in hexadecimal, as the golden has it.
std::string digest(std::string_view text) {
  unsigned char hash[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), hash);
  return to_hex(std::span(hash).first(8));
}

std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// What Python's Jinja refuses without the template's will (None has no items, for one) may succeed
// here.
void expect_result(const ordered_json& expected, const Result<std::string>& text) {
  if (expected.contains("digest")) {
    ASSERT_TRUE(text.ok()) << text.error().message();
    EXPECT_EQ(digest(*text), expected["digest"].get<std::string>())
        << "this text, of " << text->size() << " bytes, should have " << expected["bytes"] << ":\n"
        << *text;
  } else if (expected.contains("raised")) {
    ASSERT_FALSE(text.ok()) << *text;
    EXPECT_EQ(text.error().message(), expected["raised"].get<std::string>());
  } else if (!text.ok()) {
    EXPECT_EQ(text.error().code(), ErrorCode::kInvalidArgument);
  }
}

TEST(PackagedTemplate, EveryOneEqualsApplyChatTemplate) {
  const char* folder = std::getenv("TRIVET_TEST_TEMPLATES");
  if (folder == nullptr) GTEST_SKIP() << "TRIVET_TEST_TEMPLATES is not set";
  const ordered_json golden = ordered_json::parse(
      std::ifstream(TRIVET_SOURCE_DIR "/src/text/testdata/packaged_templates.json"));
  int texts = 0;
  for (const auto& [name, item] : golden["templates"].items()) {
    const std::string source = read_file(std::filesystem::path(folder) / name);
    ASSERT_EQ(digest(source), item["digest"].get<std::string>()) << name;
    for (const auto& [key, expected] : item["results"].items()) {
      SCOPED_TRACE(name + ", " + key);
      expect_result(expected, render_golden_input(source, golden["conversations"][key]));
      texts += expected.contains("digest");
    }
  }
  EXPECT_GE(golden["templates"].size(), 40u);
  EXPECT_GE(texts, 2000);
}

}  // namespace
}  // namespace trivet
