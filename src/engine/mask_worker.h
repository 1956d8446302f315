// Makes the masks of constrained sequences while the model runs.
#ifndef TRIVET_ENGINE_MASK_WORKER_H_
#define TRIVET_ENGINE_MASK_WORKER_H_

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace trivet {

// One thread, started with the first job. submit() and finish() belong to one other thread.
class MaskWorker {
 public:
  using Job = std::function<void()>;

  MaskWorker() = default;
  MaskWorker(const MaskWorker&) = delete;
  MaskWorker& operator=(const MaskWorker&) = delete;
  ~MaskWorker();  // no job is open any more

  // Runs the job some time, once. `owner` names it; an owner has one open job at most.
  void submit(const void* owner, Job job);
  // Returns when the owner's job is done. One that has not begun is run here and now.
  void finish(const void* owner);

 private:
  struct Entry {
    const void* owner = nullptr;
    Job job;
  };
  void run();

  std::mutex mutex_;
  std::condition_variable wake_;  // there is a job, or the end
  std::condition_variable done_;  // running_ has changed
  std::deque<Entry> queue_;
  const void* running_ = nullptr;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace trivet

#endif  // TRIVET_ENGINE_MASK_WORKER_H_
