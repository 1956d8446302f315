#include "weights/store/zip_reader.h"

#include <gmock/gmock.h>
#include <zlib.h>
#include <cstring>

#include "weights/store/zip_test_file.h"

namespace trivet {
namespace {

using testing::HasSubstr;
using namespace testing_zip;

Result<std::string> extract(const std::string& archive, const std::string& member) {
  std::string content;
  const auto result = extract_zip_member(
      std::as_bytes(std::span(archive)), "a.whl", member,
      [&](std::span<const std::byte> piece) -> Result<void> {
        content.append(reinterpret_cast<const char*>(piece.data()), piece.size());
        return {};
      });
  if (!result.ok()) return result.error();
  return content;
}

std::string pattern(size_t size) {
  std::string text;
  for (size_t i = 0; i < size; ++i) text += static_cast<char>((i * i) >> 7);
  return text;
}

TEST(ZipReader, ExtractsStoredAndDeflatedMembers) {
  const std::string small = "hello", large = pattern(1'000'000);
  const std::string archive =
      make_zip({{"p/__init__.py", small, false}, {"p/data/part01.bin", large, true}});
  EXPECT_EQ(*extract(archive, "__init__.py"), small);
  EXPECT_EQ(*extract(archive, "data/part01.bin"), large);
  EXPECT_EQ(*extract(archive, "p/data/part01.bin"), large);
}

TEST(ZipReader, MatchesWholePathComponentsOnly) {
  const std::string archive = make_zip({{"p/xpart01.bin", "x", false}});
  EXPECT_EQ(extract(archive, "part01.bin").error().code(), ErrorCode::kNotFound);
}

TEST(ZipReader, RefusesAmbiguousNames) {
  const std::string archive = make_zip({{"p/a", "x", false}, {"q/a", "y", false}});
  EXPECT_THAT(extract(archive, "a").error().message(), HasSubstr("twice"));
}

TEST(ZipReader, StopsAtTheSizeThatTheDirectoryStates) {
  std::string archive = make_zip({{"a", std::string(1 << 20, 'x'), true}});
  const size_t directory = archive.find("PK\1\2");
  const uint32_t claimed = 1000;
  std::memcpy(archive.data() + directory + 24, &claimed, 4);
  EXPECT_THAT(extract(archive, "a").error().message(), HasSubstr("larger than its directory says"));
}

TEST(ZipReader, SurvivesEveryTruncationAndFlippedBit) {
  std::string archive = make_zip({{"a", pattern(300), true}, {"b", pattern(100), false}});
  const std::string content = *extract(archive, "a");
  for (size_t size = 0; size < archive.size(); ++size) {
    ASSERT_FALSE(extract(archive.substr(0, size), "a").ok()) << size;
  }
  for (size_t bit = 0; bit < archive.size() * 8; ++bit) {
    archive[bit / 8] = static_cast<char>(archive[bit / 8] ^ (1 << (bit % 8)));
    const auto got = extract(archive, "a");
    if (got.ok()) {
      ASSERT_EQ(*got, content) << bit;
    }
    archive[bit / 8] = static_cast<char>(archive[bit / 8] ^ (1 << (bit % 8)));
  }
}

}  // namespace
}  // namespace trivet
