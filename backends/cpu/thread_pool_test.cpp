#include "thread_pool.h"

#include <gtest/gtest.h>

#include <chrono>
#include <thread>
#include <vector>

namespace trivet::cpu {
namespace {

TEST(ThreadPool, EveryUnitRunsExactlyOnce) {
  for (int threads : {1, 2, 3, 8}) {
    ThreadPool pool(threads);
    for (int units : {0, 1, 2, 7, 100, 1001}) {
      for (int chunk : {1, 3, 64}) {
        std::vector<std::atomic<int>> hits(static_cast<size_t>(units));
        pool.for_units(units, chunk, [&](int thread, int64_t begin, int64_t end) {
          ASSERT_LT(thread, threads);
          ASSERT_LE(end - begin, std::max(units <= chunk || threads == 1 ? units : chunk, 1));
          for (int64_t u = begin; u < end; ++u) ++hits[static_cast<size_t>(u)];
        });
        for (const auto& h : hits) ASSERT_EQ(h.load(), 1);
      }
    }
  }
}

TEST(ThreadPool, ManyShortJobsFollowEachOther) {
  ThreadPool pool(3);
  std::atomic<int64_t> sum{0};
  for (int i = 0; i < 20000; ++i) {
    pool.for_units(3, 1, [&](int, int64_t begin, int64_t) { sum += begin; });
  }
  EXPECT_EQ(sum.load(), 20000 * 3);
}

TEST(ThreadPool, WorkersWakeFromSleep) {
  ThreadPool pool(2);
  for (int i = 0; i < 3; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
    std::atomic<bool> other{false};
    // The caller waits inside its unit for the worker to take the other one.
    pool.for_units(2, 1, [&](int thread, int64_t, int64_t) {
      if (thread == 1) other = true;
      while (!other) std::this_thread::yield();
    });
    EXPECT_TRUE(other);
  }
}

TEST(ThreadPool, AThreadIsToldOfItsFirstPieceOnce) {
  ThreadPool pool(2);
  for (int i = 0; i < 200; ++i) {
    std::atomic<int> firsts[2] = {0, 0};
    pool.for_units(50, 1,
                   [&](int thread, int64_t, int64_t, bool first) { firsts[thread] += first; });
    EXPECT_EQ(firsts[0].load(), 1);
    EXPECT_LE(firsts[1].load(), 1);
  }
}

}  // namespace
}  // namespace trivet::cpu
