#include "server/guard/reloader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdio>
#include <fstream>

#include "base/testing/eventually.h"

namespace trivet {
namespace {

using std::chrono::milliseconds;

TEST(Reloader, NoticesReplacedFilesAndReportsFailures) {
  const std::string path = testing::TempDir() + "watched";
  std::ofstream(path) << "one";
  std::atomic<int> reloads = 0, notices = 0;
  std::atomic<bool> broken = false;
  std::mutex mutex;
  std::string last;
  Reloader reloader(
      {{"things",
        {path},
        [&]() -> Result<void> {
          ++reloads;
          if (broken) return Error(ErrorCode::kInvalidArgument, "line 3");
          return {};
        }}},
      [&](const std::string& text) {
        const std::lock_guard lock(mutex);
        last = text;
        ++notices;
      },
      milliseconds(10));
  reloader.start();
  std::ofstream(path + ".tmp") << "two";
  ASSERT_EQ(std::rename((path + ".tmp").c_str(), path.c_str()), 0);
  EXPECT_TRUE(eventually([&] { return reloads >= 1 && notices >= 1; }));
  const int before = reloads;
  broken = true;
  reloader.poke();
  EXPECT_TRUE(eventually([&] { return reloads > before && notices >= reloads; }));
  reloader.stop();
  EXPECT_EQ(last, "keeping the old things: line 3");
}

}  // namespace
}  // namespace trivet
