// Threads that share loops.
#ifndef TRIVET_REFERENCE_THREAD_POOL_H_
#define TRIVET_REFERENCE_THREAD_POOL_H_

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace trivet::reference {

// Called for disjoint ranges that cover [0, count); `worker` is in [0, num_threads()) and no two
// calls with the same worker overlap in time. Must not throw.
using LoopBody = std::function<void(int64_t begin, int64_t end, int worker)>;

// One thread at a time may start loops; loops do not nest. Idle threads sleep.
class ThreadPool {
 public:
  // The caller's thread counts: num_threads - 1 threads are started.
  explicit ThreadPool(int num_threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int num_threads() const { return static_cast<int>(threads_.size()) + 1; }

  // Ranges are `grain` long (the last may be shorter) and go to whichever thread is free.
  void parallel_for(int64_t count, int64_t grain, const LoopBody& body);

 private:
  struct Loop {
    const LoopBody* body = nullptr;
    int64_t count = 0, grain = 1;
    std::atomic<int64_t> next{0};
  };
  void serve(int worker);
  void take_ranges(int worker);
  void stop();

  std::vector<std::thread> threads_;
  Loop loop_;
  std::mutex mutex_;
  std::condition_variable started_, finished_;
  uint64_t generation_ = 0;  // of the loop; guarded by mutex_, as are the next two
  int running_ = 0;
  bool stopping_ = false;
};

}  // namespace trivet::reference

#endif  // TRIVET_REFERENCE_THREAD_POOL_H_
