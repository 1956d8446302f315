#include "thread_pool.h"

#include <immintrin.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <string>

namespace trivet::cpu {
namespace {

constexpr uint64_t kOpen = 1u << 15;
constexpr uint64_t kJoinedMask = kOpen - 1;
constexpr int kJobShift = 16;

// In pauses of some 15 ns; then yields, then (workers only) sleep.
constexpr int kLongSpin = 300;
constexpr int kShortSpin = 20;
constexpr int kYieldsBeforeSleep = 200;
constexpr int kSlowJoinsBeforeShortSpin = 8;

long futex(std::atomic<uint32_t>& word, int operation, uint32_t value) {
  return syscall(SYS_futex, reinterpret_cast<uint32_t*>(&word), operation | FUTEX_PRIVATE_FLAG,
                 value, nullptr, nullptr, 0);
}

// Processors' worth of time that one cpu.max file grants, or infinity.
double quota_of(const std::string& path) {
  std::ifstream file(path);
  std::string quota;
  double period = 0;
  if (!(file >> quota >> period) || quota == "max" || period <= 0) return INFINITY;
  return std::max(1.0, std::atof(quota.c_str()) / period);
}

double control_group_quota() {
  double quota = quota_of("/sys/fs/cgroup/cpu.max");
  std::ifstream groups("/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {
    if (line.rfind("0::", 0) != 0) continue;
    for (std::string path = line.substr(3); path.size() > 1; path.resize(path.rfind('/'))) {
      quota = std::min(quota, quota_of("/sys/fs/cgroup" + path + "/cpu.max"));
      if (path.rfind('/') == std::string::npos) break;
    }
  }
  return quota;
}

void pin_to(std::thread& thread, int processor) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(processor, &set);
  pthread_setaffinity_np(thread.native_handle(), sizeof set, &set);
}

}  // namespace

std::vector<int> usable_processors() {
  std::vector<int> processors;
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) == 0) {
    for (int i = 0; i < CPU_SETSIZE; ++i) {
      if (CPU_ISSET(i, &set)) processors.push_back(i);
    }
  }
  if (processors.empty()) processors.push_back(0);
  const double quota = control_group_quota();
  if (quota < static_cast<double>(processors.size())) {
    processors.resize(std::max<size_t>(1, static_cast<size_t>(std::ceil(quota))));
  }
  return processors;
}

ThreadPool::ThreadPool(int num_threads)
    : num_threads_(num_threads),
      ranges_(std::make_unique<Range[]>(num_threads)),
      spin_limit_(kLongSpin) {
  const std::vector<int> processors = usable_processors();
  for (int i = 1; i < num_threads; ++i) {
    workers_.emplace_back([this, i] { worker_loop(i); });
    if (num_threads <= static_cast<int>(processors.size())) pin_to(workers_.back(), processors[i]);
  }
}

ThreadPool::~ThreadPool() {
  stop_.store(true);
  epoch_.fetch_add(1);
  futex(epoch_, FUTEX_WAKE, INT32_MAX);
  for (std::thread& worker : workers_) worker.join();
}

void ThreadPool::share(int64_t units, int64_t chunk) {
  chunk_ = chunk;
  for (int i = 0; i < num_threads_; ++i) {
    ranges_[i].next.store(units * i / num_threads_, std::memory_order_relaxed);
    ranges_[i].end = units * (i + 1) / num_threads_;
  }
}

void ThreadPool::run(Entry entry, void* context) {
  entry_ = entry;
  context_ = context;
  left_.store(0, std::memory_order_relaxed);
  const uint64_t job = (state_.load(std::memory_order_relaxed) >> kJobShift) + 1;
  state_.store(job << kJobShift | kOpen, std::memory_order_seq_cst);
  epoch_.fetch_add(1, std::memory_order_seq_cst);
  if (sleepers_.load(std::memory_order_seq_cst) > 0) futex(epoch_, FUTEX_WAKE, INT32_MAX);

  entry(context, *this, 0);

  const uint32_t joined = state_.fetch_and(~kOpen, std::memory_order_acq_rel) & kJoinedMask;
  int spins = 0;
  bool slow = false;
  while (left_.load(std::memory_order_acquire) != joined) {
    if (++spins < kLongSpin) {
      _mm_pause();
    } else {
      slow = spins > 2 * kLongSpin;
      sched_yield();
    }
  }
  // Workers that are often late compete with something else: let go of the processor sooner.
  slow_joins_ = slow ? std::min(slow_joins_ + 2, 4 * kSlowJoinsBeforeShortSpin)
                     : std::max(slow_joins_ - 1, 0);
  const int limit = slow_joins_ >= kSlowJoinsBeforeShortSpin ? kShortSpin : kLongSpin;
  if (spin_limit_.load(std::memory_order_relaxed) != limit)
    spin_limit_.store(limit, std::memory_order_relaxed);
}

uint64_t ThreadPool::wait_for_job(uint64_t seen) {
  int spins = 0;
  int yields = 0;
  while (!stop_.load(std::memory_order_relaxed)) {
    const uint32_t epoch = epoch_.load(std::memory_order_seq_cst);
    const uint64_t state = state_.load(std::memory_order_acquire);
    if ((state >> kJobShift) != seen && (state & kOpen)) return state;
    if (++spins < spin_limit_.load(std::memory_order_relaxed)) {
      _mm_pause();
    } else if (++yields < kYieldsBeforeSleep) {
      sched_yield();
    } else {
      sleep_until_changed(epoch);
      spins = yields = 0;
    }
  }
  return 0;
}

void ThreadPool::sleep_until_changed(uint32_t epoch) {
  sleepers_.fetch_add(1, std::memory_order_seq_cst);
  if (epoch_.load(std::memory_order_seq_cst) == epoch) futex(epoch_, FUTEX_WAIT, epoch);
  sleepers_.fetch_sub(1, std::memory_order_seq_cst);
}

void ThreadPool::worker_loop(int thread) {
  uint64_t seen = 0;
  while (true) {
    uint64_t state = wait_for_job(seen);
    if (stop_.load(std::memory_order_relaxed)) return;
    seen = state >> kJobShift;
    bool joined = false;
    while ((state >> kJobShift) == seen && (state & kOpen) && !joined) {
      joined = state_.compare_exchange_weak(state, state + 1, std::memory_order_acq_rel,
                                            std::memory_order_acquire);
    }
    if (!joined) continue;
    entry_(context_, *this, thread);
    left_.fetch_add(1, std::memory_order_release);
  }
}

}  // namespace trivet::cpu
