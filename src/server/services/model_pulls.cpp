#include "server/services/model_pulls.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "api/ollama/ollama_api.h"
#include "api/ollama/pull_lines.h"

namespace trivet {
namespace {

std::shared_ptr<EventLog> make_pull_log() {
  StreamShape shape;
  shape.content_type = "application/x-ndjson";
  shape.ping.clear();
  shape.event_end = "\n";
  shape.read_once = true;
  return std::make_shared<EventLog>(std::move(shape));
}

}  // namespace

// What its thread and its clients share.
class ModelPulls::Pull : public std::enable_shared_from_this<Pull> {
 public:
  explicit Pull(std::string spec) : spec_(std::move(spec)) {}

  const std::string& spec() const { return spec_; }

  bool ended() const {
    const std::lock_guard lock(mutex_);
    return ended_;
  }

  // Null: it has ended.
  std::shared_ptr<EventLog> watch(bool streamed) {
    const std::lock_guard lock(mutex_);
    if (ended_) return nullptr;
    auto log = make_pull_log();
    if (streamed) log->append(lines_.newest());
    log->on_cancel([pull = shared_from_this(), raw = log.get()] { pull->leave(raw); });
    watchers_.push_back({log, streamed});
    return log;
  }

  void stop() {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  }

  void run(const ModelStore& store) {
    for (;;) {
      const auto path = store.pull(spec_, [this](const PullProgress& now) { return take(now); });
      if (finish(path)) return;
    }
  }

 private:
  struct Watcher {
    std::shared_ptr<EventLog> log;
    bool streamed = true;
  };

  bool wanted() const { return !stopped_ && !watchers_.empty(); }

  void leave(const EventLog* log) {
    const std::lock_guard lock(mutex_);
    std::erase_if(watchers_, [&](const Watcher& watcher) { return watcher.log.get() == log; });
  }

  bool take(const PullProgress& progress) {
    const std::lock_guard lock(mutex_);
    const std::string lines = lines_.take(progress, SteadyClock().now());
    if (lines.empty()) return wanted();
    for (const Watcher& watcher : watchers_) {
      if (watcher.streamed) watcher.log->append(lines);
    }
    return wanted();
  }

  // False: somebody has come after everybody had left, so it goes on.
  bool finish(const Result<std::string>& path) {
    std::vector<Watcher> watchers;
    {
      const std::lock_guard lock(mutex_);
      const bool was_stopped = !path && path.error().code() == ErrorCode::kCancelled;
      if (was_stopped && wanted()) return false;
      ended_ = true;
      watchers.swap(watchers_);
    }
    for (const Watcher& watcher : watchers) end(watcher, path);
    return true;
  }

  void end(const Watcher& watcher, const Result<std::string>& path) const {
    EventLog& log = *watcher.log;
    if (path) {
      if (!watcher.streamed) return log.finish(HttpResponse{.body = "{\"status\":\"success\"}"});
      log.append(OllamaPullLines::success());
      return log.finish();
    }
    const ApiError error = to_api_error(
        stopped_ ? Error(ErrorCode::kUnavailable,
                         "the server is shutting down; pull again to go on where it stopped")
                 : path.error());
    if (!watcher.streamed) return log.finish(error_response(error));
    log.append(encode_ollama_error(error) + "\n");
    log.finish();
  }

  const std::string spec_;
  mutable std::mutex mutex_;
  std::vector<Watcher> watchers_;
  OllamaPullLines lines_;
  bool stopped_ = false, ended_ = false;
};

Result<std::shared_ptr<EventLog>> ModelPulls::start(const std::string& spec, bool streamed) {
  const std::lock_guard lock(mutex_);
  drop_ended();
  if (store_.root().empty()) {
    return Error(ErrorCode::kUnavailable, "this server has no folder for models");
  }
  if (stopped_) return Error(ErrorCode::kUnavailable, "the server is shutting down");
  for (const auto& [pull, thread] : pulls_) {
    if (pull->spec() != spec) continue;
    if (auto log = pull->watch(streamed)) return log;
  }
  if (pulls_.size() >= kMaxPulls) {
    return Error(ErrorCode::kResourceExhausted,
                 std::to_string(kMaxPulls) + " models are being pulled already; try again later");
  }
  auto pull = std::make_shared<Pull>(spec);
  auto log = pull->watch(streamed);
  pulls_.emplace_back(pull, std::thread([this, pull] { pull->run(store_); }));
  return log;
}

void ModelPulls::drop_ended() {
  pulls_.remove_if([](auto& item) {
    if (!item.first->ended()) return false;
    item.second.join();
    return true;
  });
}

void ModelPulls::stop() {
  std::list<std::pair<std::shared_ptr<Pull>, std::thread>> running;
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    running.swap(pulls_);
  }
  for (const auto& [pull, thread] : running) pull->stop();
  for (auto& [pull, thread] : running) thread.join();
}

}  // namespace trivet
