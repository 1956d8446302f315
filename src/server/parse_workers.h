// Threads for requests that take long to parse.
#ifndef TRIVET_SERVER_PARSE_WORKERS_H_
#define TRIVET_SERVER_PARSE_WORKERS_H_

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace trivet {

// A bounded queue of jobs. Thread-safe.
class ParseWorkers {
 public:
  explicit ParseWorkers(int threads);
  ~ParseWorkers();  // stop()

  // False if the queue is full or stopped: the job is not run.
  bool submit(std::function<void()> job);
  // Drops what has not begun and joins.
  void stop();

 private:
  static constexpr size_t kMaxQueued = 256;
  void run();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> jobs_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace trivet

#endif  // TRIVET_SERVER_PARSE_WORKERS_H_
