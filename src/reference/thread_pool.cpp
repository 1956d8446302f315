#include "reference/thread_pool.h"

#include <algorithm>

namespace trivet::reference {

ThreadPool::ThreadPool(int num_threads) {
  try {
    for (int worker = 1; worker < num_threads; ++worker)
      threads_.emplace_back([this, worker] { serve(worker); });
  } catch (...) {
    stop();
    throw;
  }
}

ThreadPool::~ThreadPool() { stop(); }

void ThreadPool::stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  started_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void ThreadPool::take_ranges(int worker) {
  for (;;) {
    const int64_t begin = loop_.next.fetch_add(loop_.grain, std::memory_order_relaxed);
    if (begin >= loop_.count) return;
    (*loop_.body)(begin, std::min(begin + loop_.grain, loop_.count), worker);
  }
}

void ThreadPool::serve(int worker) {
  uint64_t seen = 0;
  std::unique_lock lock(mutex_);
  for (;;) {
    started_.wait(lock, [&] { return stopping_ || generation_ != seen; });
    if (stopping_) return;
    seen = generation_;
    lock.unlock();
    take_ranges(worker);
    lock.lock();
    if (--running_ == 0) finished_.notify_one();
  }
}

void ThreadPool::parallel_for(int64_t count, int64_t grain, const LoopBody& body) {
  if (count <= 0) return;
  if (threads_.empty() || count <= grain) return body(0, count, 0);
  {
    std::lock_guard lock(mutex_);
    loop_.body = &body;
    loop_.count = count;
    loop_.grain = grain;
    loop_.next.store(0, std::memory_order_relaxed);
    running_ = static_cast<int>(threads_.size());
    ++generation_;
  }
  started_.notify_all();
  take_ranges(0);
  std::unique_lock lock(mutex_);
  finished_.wait(lock, [&] { return running_ == 0; });
}

}  // namespace trivet::reference
