// `trivet batch`: a file of requests in, a file of answers out, without a server.
#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <unordered_map>
#include <unordered_set>

#include "api/batches/batch_line.h"
#include "api/json_fields.h"
#include "commands.h"
#include "model_access.h"
#include "server/services/call_runner.h"
#include "serving_setup.h"
#include "terminal.h"

namespace trivet {
namespace {

volatile sig_atomic_t batch_interrupted = 0;

void interrupt_batch(int) { batch_interrupted = 1; }

Error wrong(const std::string& file, int64_t line, const std::string& what) {
  return Error(ErrorCode::kInvalidArgument, fmt::format("{}:{}: {}", file, line, what));
}

// The requests of the input in order.
Result<std::vector<BatchLine>> read_input(const std::string& path) {
  std::ifstream file(path);
  if (!file) return Error(ErrorCode::kNotFound, "cannot read " + path);
  std::vector<BatchLine> lines;
  std::unordered_set<std::string> ids;
  int64_t number = 0;
  for (std::string text; std::getline(file, text);) {
    ++number;
    if (text.find_first_not_of(" \t\r") == std::string::npos) continue;
    auto line = read_batch_line(text);
    if (!line) return wrong(path, number, line.error().message());
    if (!ids.insert(line->custom_id).second) {
      return wrong(path, number, "an earlier line has the same custom_id, " + line->custom_id);
    }
    lines.push_back(std::move(*line));
  }
  if (lines.empty()) return Error(ErrorCode::kInvalidArgument, path + " has no line");
  return lines;
}

// The custom_ids that are answered in a partial output. What was being written when it ended is cut
// off.
Result<std::unordered_set<std::string>> read_partial_output(const std::string& path) {
  std::unordered_set<std::string> done;
  std::ifstream file(path, std::ios::binary);
  if (!file) return done;
  int64_t number = 0;
  uintmax_t whole_bytes = 0;
  for (std::string text; std::getline(file, text);) {
    ++number;
    if (file.eof()) break;  // no line end: not whole
    JsonDocument document;
    FirstError error;
    std::string custom_id;
    if (const auto object = document.parse_object(text, error)) {
      Fields(*object, error).read("custom_id", custom_id);
    }
    if (custom_id.empty()) {
      return wrong(path, number, "is not a line of an output; give another file, or delete it");
    }
    done.insert(custom_id);
    whole_bytes += text.size() + 1;
  }
  file.close();
  std::error_code error;
  if (std::filesystem::file_size(path, error) > whole_bytes) {
    std::filesystem::resize_file(path, whole_bytes, error);
  }
  if (error)
    return Error(ErrorCode::kUnavailable, "cannot write " + path + " (" + error.message() + ")");
  return done;
}

// Lines appended whole: a crash leaves whole lines and at most one torn one.
class OutputFile {
 public:
  ~OutputFile() {
    if (descriptor_ < 0) return;
    fsync(descriptor_);
    close(descriptor_);
  }
  Result<void> open(const std::string& path) {
    path_ = path;
    descriptor_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    return descriptor_ < 0 ? failure() : Result<void>();
  }
  Result<void> append(std::string_view line) {
    while (!line.empty()) {
      const ssize_t written = write(descriptor_, line.data(), line.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return failure();
      line.remove_prefix(static_cast<size_t>(written));
    }
    return {};
  }

 private:
  Result<void> failure() const {
    return Error(ErrorCode::kUnavailable,
                 "cannot write " + path_ + " (" + std::strerror(errno) + ")");
  }
  std::string path_;
  int descriptor_ = -1;
};

// Keeps the engine busy until every line is answered. Its members but wait() belong to the runner's
// thread.
class OfflineBatch {
 public:
  OfflineBatch(std::vector<BatchLine> lines, const ServedModel& model, CallRunner& runner,
               OutputFile& output, size_t at_once)
      : lines_(std::move(lines)),
        model_(model),
        runner_(runner),
        output_(output),
        at_once_(at_once) {}

  // Returns how many requests failed. kCancelled: interrupted.
  Result<int64_t> wait() {
    ProgressBar bar("batch", ProgressBar::Unit::kRequests);
    runner_.post([this] { start_lines(); });
    std::unique_lock lock(mutex_);
    while (answered_ < lines_.size() && !failure_ && batch_interrupted == 0) {
      bar.update(answered_, lines_.size());
      changed_.wait_for(lock, std::chrono::milliseconds(100));
    }
    bar.update(answered_, lines_.size());
    if (failure_) return *failure_;
    if (answered_ < lines_.size()) {
      return Error(
          ErrorCode::kCancelled,
          fmt::format("stopped after {} of {} requests; the same command goes on from here",
                      answered_, lines_.size()));
    }
    return failed_;
  }

 private:
  void start_lines() {
    while (running_ < at_once_ && next_ < lines_.size() && batch_interrupted == 0)
      start_line(next_++);
  }

  void start_line(size_t index) {
    const BatchLine& line = lines_[index];
    const std::string id = fmt::format("batch_req_{}", index);
    ParsedCall parsed = parse_batch_call(
        line, model_, {.request_id = id, .tenant = "", .unix_seconds = std::time(nullptr)});
    if (parsed.error)
      return answer(id, line, parsed.error->http_status, encode_error(*parsed.error));
    ++running_;
    DetachedCall detached;
    detached.call = std::move(parsed.call);
    detached.deadline = SteadyClock().now() + std::chrono::hours(24);
    detached.on_end = [this, id, &line](GenerationCall& call, CallEnd, const Error* refusal) {
      --running_;
      if (refusal != nullptr) {
        const ApiError error = to_api_error(*refusal);
        answer(id, line, error.http_status, encode_error(error));
      } else if (call.error()) {
        answer(id, line, call.error()->http_status, encode_error(*call.error()));
      } else {
        answer(id, line, 200, call.body());
      }
      runner_.post([this] { start_lines(); });
    };
    runner_.start(std::move(detached));
  }

  void answer(const std::string& id, const BatchLine& line, int status, const std::string& body) {
    const auto written = output_.append(answer_line(id, line.custom_id, status, id, body));
    const std::lock_guard lock(mutex_);
    if (!written && !failure_) failure_ = written.error();
    ++answered_;
    failed_ += status != 200;
    changed_.notify_one();
  }

  const std::vector<BatchLine> lines_;
  const ServedModel& model_;
  CallRunner& runner_;
  OutputFile& output_;
  const size_t at_once_;
  size_t next_ = 0, running_ = 0;

  std::mutex mutex_;
  std::condition_variable changed_;
  size_t answered_ = 0;
  int64_t failed_ = 0;
  std::optional<Error> failure_;
};

void stop_on_interrupt() {
  struct sigaction action{};
  action.sa_handler = interrupt_batch;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

Result<void> answer_lines(const BatchOptions& options, std::vector<BatchLine> lines,
                          OutputFile& output) {
  TRIVET_ASSIGN_OR_RETURN(const auto model, load_with_progress(options.model));
  ServeOptions serving;
  serving.model = options.model;
  serving.served_model_names = options.served_model_names;
  serving.max_queued_requests = 4 * options.model.max_num_seqs;
  ServedModel served = served_model(serving, *model);
  TRIVET_ASSIGN_OR_RETURN(const auto grammars,
                          GrammarCompiler::create(model->tokenizer(), served.end_tokens));
  served.grammars = grammars.get();
  EngineBridge bridge;
  TRIVET_ASSIGN_OR_RETURN(
      const auto engine,
      Engine::create(engine_options(serving, model->runner().limits()), model->runner(),
                     model->tokenizer(), served.end_tokens, bridge));
  CallRunner runner(bridge);
  runner.attach(*engine);
  const size_t total = lines.size();
  // Twice what runs at once: the next prompts are read while the others are answered.
  OfflineBatch batch(std::move(lines), served, runner, output,
                     2 * static_cast<size_t>(options.model.max_num_seqs));
  const auto failed = batch.wait();
  runner.stop();
  if (!failed) return failed.error();
  if (*failed > 0) {
    print_notice(
        fmt::format("{} of {} requests failed; their lines hold the errors", *failed, total));
  }
  return {};
}

Result<void> run_batch(const BatchOptions& options) {
  TRIVET_ASSIGN_OR_RETURN(std::vector<BatchLine> lines, read_input(options.input));
  TRIVET_ASSIGN_OR_RETURN(const auto done, read_partial_output(options.output));
  const size_t total = lines.size();
  std::erase_if(lines, [&](const BatchLine& line) { return done.contains(line.custom_id); });
  if (lines.size() < total) {
    print_notice(fmt::format("{} of {} requests are answered in {} already", total - lines.size(),
                             total, options.output));
  }
  if (lines.empty()) return {};
  OutputFile output;
  TRIVET_RETURN_IF_ERROR(output.open(options.output));
  stop_on_interrupt();
  return answer_lines(options, std::move(lines), output);
}

}  // namespace

int batch(const BatchOptions& options) {
  const auto done = run_batch(options);
  return done ? 0 : report_error(done.error());
}

}  // namespace trivet
