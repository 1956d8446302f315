// Fork-join on a few threads, about a microsecond when the workers are awake.
#ifndef TRIVET_BACKENDS_CPU_THREAD_POOL_H_
#define TRIVET_BACKENDS_CPU_THREAD_POOL_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>
#include <type_traits>
#include <vector>

namespace trivet::cpu {

// Processors that this process may use: its affinity mask, cut to the quota of its control group.
std::vector<int> usable_processors();

// One thread at a time runs jobs; it takes part as thread 0. Workers are pinned, one to a
// processor.
//
// A job is a set of independent units. A worker that is not running (preempted, asleep) when the
// others have finished all units is not waited for: it finds the job closed and skips it. So a
// foreign process that takes a processor costs that processor's share and no more.
class ThreadPool {
 public:
  explicit ThreadPool(int num_threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int num_threads() const { return num_threads_; }

  // Calls body(thread, begin, end) for pieces of [0, units), each of at most `chunk` units, on any
  // thread; returns when all are done. Each thread begins with its own contiguous share and then
  // takes from the others'. A body with a fourth parameter is told whether the piece is the first
  // that its thread takes.
  template <class Body>
  void for_units(int64_t units, int64_t chunk, Body&& body) {
    if (units <= 0) return;
    if (num_threads_ == 1 || units <= chunk) {
      call(body, 0, 0, units, true);
      return;
    }
    share(units, chunk);
    using Pointer = std::remove_reference_t<Body>*;
    run([](void* context, ThreadPool& pool,
           int thread) { pool.work(thread, *static_cast<Pointer>(context)); },
        &body);
  }

 private:
  using Entry = void (*)(void* context, ThreadPool& pool, int thread);

  struct alignas(64) Range {
    std::atomic<int64_t> next{0};
    int64_t end = 0;
  };

  template <class Body>
  static void call(Body& body, int thread, int64_t begin, int64_t end, bool first) {
    if constexpr (std::is_invocable_v<Body&, int, int64_t, int64_t, bool>) {
      body(thread, begin, end, first);
    } else {
      body(thread, begin, end);
    }
  }

  template <class Body>
  void work(int thread, Body& body) {
    bool first = true;
    for (int i = 0; i < num_threads_; ++i) {
      Range& range = ranges_[(thread + i) % num_threads_];
      while (true) {
        if (range.next.load(std::memory_order_relaxed) >= range.end) break;
        const int64_t begin = range.next.fetch_add(chunk_, std::memory_order_relaxed);
        if (begin >= range.end) break;
        const int64_t end = begin + chunk_ < range.end ? begin + chunk_ : range.end;
        call(body, thread, begin, end, first);
        first = false;
      }
    }
  }

  void share(int64_t units, int64_t chunk);
  void run(Entry entry, void* context);
  void worker_loop(int thread);
  uint64_t wait_for_job(uint64_t seen);
  void sleep_until_changed(uint32_t epoch);

  const int num_threads_;
  std::vector<std::thread> workers_;
  std::unique_ptr<Range[]> ranges_;

  // Written by the caller while no job is open.
  alignas(64) Entry entry_ = nullptr;
  void* context_ = nullptr;
  int64_t chunk_ = 1;

  // Job number << 16 | open << 15 | threads that joined.
  alignas(64) std::atomic<uint64_t> state_{0};
  alignas(64) std::atomic<uint32_t> left_{0};   // joined workers that are done
  alignas(64) std::atomic<uint32_t> epoch_{0};  // futex: changes with every job
  std::atomic<int> sleepers_{0};
  std::atomic<bool> stop_{false};
  std::atomic<int> spin_limit_{0};
  int slow_joins_ = 0;
};

}  // namespace trivet::cpu

#endif  // TRIVET_BACKENDS_CPU_THREAD_POOL_H_
