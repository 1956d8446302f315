#include "server/services/batch_job.h"

#include <algorithm>

#include "api/batches/batch_line.h"
#include "base/clock.h"

namespace trivet {
namespace {

constexpr int kLinesPerSlice = 200;
constexpr size_t kMaxFaults = 10;
constexpr size_t kMaxLineBytes = 8 << 20;
// Behind everything that a client waits for.
constexpr int kBatchPriority = 1'000'000;

std::string_view text_of(const MappedFile& file) {
  return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

bool is_blank(std::string_view line) {
  return line.find_first_not_of(" \t\r\n") == std::string_view::npos;
}

}  // namespace

bool BatchJob::open() {
  const auto found = state_.files().find(record_.input_file, record_.tenant);
  auto mapped = found && *found ? MappedFile::open(state_.files().path_of(**found))
                                : Result<MappedFile>(Error(ErrorCode::kNotFound, ""));
  if (!mapped) {
    fail({{0, "input_file_missing", "the input file is gone or cannot be read"}});
    return false;
  }
  input_ = std::make_unique<MappedFile>(std::move(*mapped));
  return true;
}

bool BatchJob::validate_some() {
  const std::string_view text = text_of(*input_);
  for (int i = 0; i < kLinesPerSlice && scanned_ < text.size(); ++i) {
    const size_t end = std::min(text.find('\n', scanned_), text.size());
    const std::string_view line = text.substr(scanned_, end - scanned_);
    ++scanned_lines_;
    if (!is_blank(line)) {
      places_.push_back(
          {scanned_, static_cast<uint32_t>(std::min(line.size(), kMaxLineBytes + 1))});
      check_line(line);
    }
    scanned_ = end + 1;
  }
  if (faults_.size() >= kMaxFaults) scanned_ = text.size();
  if (scanned_ < text.size()) return false;
  validated_ = true;
  if (places_.empty()) add_fault("empty_file", "the input file has no line");
  if (!faults_.empty()) {
    fail(std::move(faults_));
  } else {
    begin_lines();
  }
  custom_ids_ = {};
  return true;
}

void BatchJob::check_line(std::string_view text) {
  // A job that was under way has passed this before.
  if (record_.status != "validating") return;
  if (static_cast<int64_t>(places_.size()) > kMaxLines) {
    return add_fault("too_many_lines", "more than " + std::to_string(kMaxLines) + " lines");
  }
  if (text.size() > kMaxLineBytes) {
    return add_fault("line_too_long", "longer than " + std::to_string(kMaxLineBytes) + " bytes");
  }
  const auto line = read_batch_line(text);
  if (!line) return add_fault("invalid_line", line.error().message());
  if (line->url != record_.endpoint) {
    return add_fault("mismatched_url",
                     "`url` is not the endpoint of the batch, " + record_.endpoint);
  }
  if (!custom_ids_.insert(line->custom_id).second) {
    add_fault("duplicate_custom_id", "an earlier line has the same `custom_id`");
  }
}

void BatchJob::add_fault(std::string code, std::string message) {
  if (faults_.size() < kMaxFaults) {
    faults_.push_back({scanned_lines_, std::move(code), std::move(message)});
  }
}

void BatchJob::fail(std::vector<BatchFault> faults) {
  record_.status = "failed";
  record_.times.failed = unix_seconds();
  record_.errors = faults_json(faults);
  ended_ = true;
  save();
}

void BatchJob::begin_lines() {
  record_.total = static_cast<int64_t>(places_.size());
  if (record_.status == "validating") {
    record_.status = "in_progress";
    record_.times.in_progress = unix_seconds();
    save();
  }
  const auto answered = state_.batches().answered_lines(record_.id);
  std::vector<bool> done(places_.size(), false);
  for (const int64_t line : answered.ok() ? *answered : std::vector<int64_t>()) {
    if (line >= 0 && line < record_.total) done[static_cast<size_t>(line)] = true;
  }
  stopping_ = record_.status == "cancelling";
  for (int64_t line = 0; line < record_.total && !stopping_; ++line) {
    if (!done[static_cast<size_t>(line)]) waiting_.push_back(line);
  }
}

std::string_view BatchJob::line_text(int64_t line) const {
  const Place& place = places_[static_cast<size_t>(line)];
  return text_of(*input_).substr(place.offset, place.size);
}

std::string BatchJob::line_id(int64_t line) const {
  return "batch_req_" + record_.id.substr(record_.id.find('_') + 1) + "_" + std::to_string(line);
}

void BatchJob::start_next(CallRunner& runner, const ServedModel& model, Duration timeout,
                          std::function<void(bool retry_later)> on_done) {
  const int64_t number = waiting_.front();
  waiting_.pop_front();
  const std::string id = line_id(number);
  const auto line = read_batch_line(line_text(number));
  if (!line) {
    answer(number, false, failure_line(id, "", "invalid_line", line.error().message()));
    return on_done(false);
  }
  ParsedCall parsed = parse_batch_call(
      *line, model, {.request_id = id, .tenant = record_.tenant, .unix_seconds = unix_seconds()});
  const std::string custom_id = line->custom_id;
  if (parsed.error) {
    answer(number, false,
           answer_line(id, custom_id, parsed.error->http_status, id, encode_error(*parsed.error)));
    return on_done(false);
  }
  DetachedCall detached;
  detached.call = std::move(parsed.call);
  detached.deadline = SteadyClock().now() + timeout;
  detached.added_priority = kBatchPriority;
  running_[number] = 0;
  detached.on_end = [this, number, id, custom_id, on_done](GenerationCall& call, CallEnd end,
                                                           const Error* refusal) {
    running_.erase(number);
    if (end == CallEnd::kCancelled) return on_done(false);
    if (refusal != nullptr) {  // no room with the engine
      waiting_.push_front(number);
      return on_done(true);
    }
    if (call.error()) {
      answer(
          number, false,
          answer_line(id, custom_id, call.error()->http_status, id, encode_error(*call.error())));
    } else {
      answer(number, true, answer_line(id, custom_id, 200, id, call.body()));
    }
    on_done(false);
  };
  const uint64_t started = runner.start(std::move(detached));
  const auto found = running_.find(number);
  if (found != running_.end()) found->second = started;
}

void BatchJob::answer(int64_t line, bool ok, std::string_view text) {
  const auto added = state_.batches().add_line(record_.id, line, ok, text);
  if (!added) {  // the disk is full, or gone: the line is not done
    waiting_.push_back(line);
    return;
  }
  if (*added) ++(ok ? record_.completed : record_.failed);
}

void BatchJob::stop_lines(CallRunner& runner) {
  std::vector<uint64_t> calls;
  for (const auto& [line, call] : running_) calls.push_back(call);
  for (const uint64_t call : calls) runner.cancel(call);
}

void BatchJob::cancel(CallRunner& runner) {
  if (ended_ || stopping_) return;
  stopping_ = true;
  record_.status = "cancelling";
  record_.times.cancelling = unix_seconds();
  save();
  waiting_.clear();
  stop_lines(runner);
}

void BatchJob::expire(CallRunner& runner) {
  if (ended_ || stopping_ || record_.status != "in_progress") return;
  for (const auto& [line, call] : running_) waiting_.push_back(line);
  std::deque<int64_t> left = std::exchange(waiting_, {});
  stop_lines(runner);
  for (const int64_t line : left) {
    const auto read = read_batch_line(line_text(line));
    answer(line, false,
           failure_line(line_id(line), read ? read->custom_id : "", "batch_expired",
                        "the completion window ended before the request was made"));
  }
  record_.times.expired = unix_seconds();
}

void BatchJob::abandon(CallRunner& runner) {
  waiting_.clear();
  ended_ = true;
  stop_lines(runner);
}

void BatchJob::save() { (void)state_.batches().put(record_); }

void BatchJob::finalize() {
  if (!stopping_) {
    record_.status = "finalizing";
    record_.times.finalizing = unix_seconds();
    save();
  }
  const auto written = write_output();
  ended_ = true;
  // The lines stay where they are: the next start tries again.
  if (!written) record_.errors = faults_json({{0, "output_failed", written.error().message()}});
  if (!written) save();
}

Result<void> BatchJob::write_output() {
  std::vector<FileRecord> files;
  BatchRecord end = record_;
  TRIVET_ASSIGN_OR_RETURN(const std::string output, make_file(true, files));
  TRIVET_ASSIGN_OR_RETURN(const std::string errors, make_file(false, files));
  if (!output.empty()) end.output_file = output;
  if (!errors.empty()) end.error_file = errors;
  const int64_t now = unix_seconds();
  if (stopping_) {
    end.status = "cancelled";
    end.times.cancelled = now;
  } else if (end.times.expired) {
    end.status = "expired";
  } else {
    end.status = "completed";
    end.times.completed = now;
  }
  TRIVET_RETURN_IF_ERROR(state_.batches().finish(end, files));
  record_ = std::move(end);
  return {};
}

// Returns the id, or "" if there is nothing to write.
Result<std::string> BatchJob::make_file(bool ok, std::vector<FileRecord>& files) {
  TRIVET_ASSIGN_OR_RETURN(const auto file, state_.files().begin());
  TRIVET_RETURN_IF_ERROR(state_.batches().for_each_answer(
      record_.id, ok, [&](const std::string& line) { return file->append(line); }));
  if (file->bytes() == 0) return std::string();
  TRIVET_RETURN_IF_ERROR(state_.files().publish(*file));
  FileRecord record;
  record.id = file->id();
  record.tenant = record_.tenant;
  record.filename = record_.id + (ok ? "_output.jsonl" : "_error.jsonl");
  record.purpose = "batch_output";
  record.bytes = file->bytes();
  record.created = unix_seconds();
  files.push_back(record);
  return record.id;
}

}  // namespace trivet
