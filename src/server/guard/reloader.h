// Notices changed files, and makes again what was made of them.
#ifndef TRIVET_SERVER_GUARD_RELOADER_H_
#define TRIVET_SERVER_GUARD_RELOADER_H_

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace trivet {

// A thread that looks at the files about once a second: renamed, replaced and rewritten ones, also
// behind symbolic links, count as changed.
class Reloader {
 public:
  struct Item {
    std::string what;  // "API keys"
    std::vector<std::string> files;
    // On an error what there was stays in use; tried again at the next change.
    std::function<Result<void>()> reload;
  };
  using Notice = std::function<void(const std::string&)>;

  // `notice` is told what was reloaded and what could not be, on the thread; may be empty.
  Reloader(std::vector<Item> items, Notice notice, Duration interval);
  ~Reloader();  // stop()

  void start();
  void stop();
  // Reloads all soon, changed or not. Any thread.
  void poke();

 private:
  // What tells one state of a file from another.
  struct Fingerprint {
    uint64_t device = 0, inode = 0, bytes = 0;
    int64_t modified_ns = 0, changed_ns = 0;
    bool operator==(const Fingerprint&) const = default;
  };
  struct Watched {
    Item item;
    std::vector<Fingerprint> seen;
  };
  static std::vector<Fingerprint> look_at(const std::vector<std::string>& files);
  void run();
  void reload(Watched& watched);

  const Notice notice_;
  const Duration interval_;
  std::vector<Watched> watched_;  // the thread's, once started
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false, poked_ = false;
  std::thread thread_;
};

}  // namespace trivet

#endif  // TRIVET_SERVER_GUARD_RELOADER_H_
