#include "engine/mask_worker.h"

#include <algorithm>
#include <utility>

namespace trivet {

MaskWorker::~MaskWorker() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void MaskWorker::submit(const void* owner, Job job) {
  if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
  {
    const std::lock_guard lock(mutex_);
    queue_.push_back({owner, std::move(job)});
  }
  wake_.notify_one();
}

void MaskWorker::finish(const void* owner) {
  std::unique_lock lock(mutex_);
  const auto waiting = std::ranges::find(queue_, owner, &Entry::owner);
  if (waiting != queue_.end()) {
    const Job job = std::move(waiting->job);
    queue_.erase(waiting);
    lock.unlock();
    job();
    return;
  }
  done_.wait(lock, [&] { return running_ != owner; });
}

void MaskWorker::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
    if (queue_.empty()) return;
    Entry entry = std::move(queue_.front());
    queue_.pop_front();
    running_ = entry.owner;
    lock.unlock();
    entry.job();
    lock.lock();
    running_ = nullptr;
    done_.notify_all();
  }
}

}  // namespace trivet
