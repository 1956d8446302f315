#include "server/guard/reloader.h"

#include <sys/stat.h>

#include <utility>

namespace trivet {
namespace {

int64_t nanoseconds(const timespec& time) { return time.tv_sec * 1'000'000'000 + time.tv_nsec; }

}  // namespace

std::vector<Reloader::Fingerprint> Reloader::look_at(const std::vector<std::string>& files) {
  std::vector<Fingerprint> prints;
  for (const std::string& file : files) {
    Fingerprint& print = prints.emplace_back();
    struct stat status{};
    if (stat(file.c_str(), &status) != 0) continue;
    print = {status.st_dev, status.st_ino, static_cast<uint64_t>(status.st_size),
             nanoseconds(status.st_mtim), nanoseconds(status.st_ctim)};
  }
  return prints;
}

Reloader::Reloader(std::vector<Item> items, Notice notice, Duration interval)
    : notice_(std::move(notice)), interval_(interval) {
  for (Item& item : items) {
    std::vector<Fingerprint> seen = look_at(item.files);
    watched_.push_back({std::move(item), std::move(seen)});
  }
}

Reloader::~Reloader() { stop(); }

void Reloader::start() {
  if (!watched_.empty()) thread_ = std::thread([this] { run(); });
}

void Reloader::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void Reloader::poke() {
  {
    const std::lock_guard lock(mutex_);
    poked_ = true;
  }
  wake_.notify_one();
}

void Reloader::run() {
  for (;;) {
    bool all = false;
    {
      std::unique_lock lock(mutex_);
      wake_.wait_for(lock, interval_, [this] { return stopping_ || poked_; });
      if (stopping_) return;
      all = std::exchange(poked_, false);
    }
    for (Watched& watched : watched_) {
      std::vector<Fingerprint> now = look_at(watched.item.files);
      if (!all && now == watched.seen) continue;
      watched.seen = std::move(now);
      reload(watched);
    }
  }
}

void Reloader::reload(Watched& watched) {
  const Result<void> reloaded = watched.item.reload();
  if (!notice_) return;
  if (reloaded.ok()) return notice_("reloaded the " + watched.item.what);
  notice_("keeping the old " + watched.item.what + ": " + reloaded.error().message());
}

}  // namespace trivet
