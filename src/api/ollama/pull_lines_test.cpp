#include "api/ollama/pull_lines.h"

#include <gtest/gtest.h>

namespace trivet {
namespace {

const std::string kSha(64, 'a');

PullProgress downloading(std::string_view file, uint64_t done, uint64_t total,
                         std::string_view sha256 = kSha) {
  return {.phase = file,
          .file = file,
          .sha256 = sha256,
          .file_done_bytes = done,
          .file_total_bytes = total};
}

TEST(OllamaPullLines, NamesDigestTotalAndCompletedOfAFile) {
  OllamaPullLines lines;
  const TimePoint now{};
  EXPECT_EQ(
      lines.take(downloading("m.gguf", 0, 10), now),
      "{\"status\":\"pulling aaaaaaaaaaaa\",\"digest\":\"sha256:" + kSha + "\",\"total\":10}\n");
  EXPECT_EQ(lines.take(downloading("m.gguf", 4, 10), now + OllamaPullLines::kInterval),
            "{\"status\":\"pulling aaaaaaaaaaaa\",\"digest\":\"sha256:" + kSha +
                "\",\"total\":10,\"completed\":4}\n");
  EXPECT_EQ(OllamaPullLines::success(),
            "{\"status\":\"writing manifest\"}\n{\"status\":\"success\"}\n");
}

TEST(OllamaPullLines, WritesNotMoreOftenThanTheInterval) {
  OllamaPullLines lines;
  TimePoint now{};
  int written = 0;
  for (uint64_t done = 0; done < 1000; ++done) {
    if (!lines.take(downloading("m.gguf", done, 1000), now).empty()) ++written;
    now += std::chrono::milliseconds(10);
  }
  EXPECT_EQ(written, 50);
}

TEST(OllamaPullLines, EndsEachFileWithAllOfItBeforeTheNext) {
  OllamaPullLines lines;
  const TimePoint now{};
  (void)lines.take(downloading("a", 1, 10), now);
  const std::string second = lines.take(downloading("b", 0, 5, ""), now);
  EXPECT_NE(second.find("\"total\":10,\"completed\":10}\n{\"status\":\"pulling b\",\"total\":5}\n"),
            std::string::npos)
      << second;
  EXPECT_EQ(lines.take({.phase = "checking b", .file = "b"}, now),
            "{\"status\":\"pulling b\",\"total\":5,\"completed\":5}\n"
            "{\"status\":\"verifying sha256 digest\"}\n");
  EXPECT_EQ(lines.take({.phase = "checking b", .file = "b"}, now + OllamaPullLines::kInterval), "");
}

TEST(OllamaPullLines, TellsALateClientWhereItIs) {
  OllamaPullLines lines;
  EXPECT_EQ(lines.newest(), "{\"status\":\"pulling manifest\"}\n");
  (void)lines.take(downloading("m.gguf", 7, 10, ""), TimePoint{});
  EXPECT_EQ(lines.newest(),
            "{\"status\":\"pulling manifest\"}\n"
            "{\"status\":\"pulling m.gguf\",\"total\":10,\"completed\":7}\n");
}

}  // namespace
}  // namespace trivet
