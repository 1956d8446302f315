// One batch under way.
#ifndef TRIVET_SERVER_SERVICES_BATCH_JOB_H_
#define TRIVET_SERVER_SERVICES_BATCH_JOB_H_

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "api/batches/batch_json.h"
#include "base/mapped_file.h"
#include "server/services/call_runner.h"
#include "state/state_folder.h"

namespace trivet {

// Reads the input, has its lines answered, and makes the output. Runner's thread only.
class BatchJob {
 public:
  static constexpr int64_t kMaxLines = 100'000;

  BatchJob(BatchRecord record, StateFolder& state) : record_(std::move(record)), state_(state) {}

  // Maps the input. False: the job has failed.
  bool open();
  // Checks the next lines; true when all are. The job may have failed then.
  bool validate_some();

  // A line that nobody has begun; -1 = none.
  int64_t next_line() const { return waiting_.empty() ? -1 : waiting_.front(); }
  // Starts the next line. `on_done` comes when it is answered or given back.
  void start_next(CallRunner& runner, const ServedModel& model, Duration timeout,
                  std::function<void(bool retry_later)> on_done);
  bool finished_lines() const { return waiting_.empty() && running_.empty(); }
  // The output files and the end, once no line is left.
  void finalize();

  // No further lines; those under way end without an answer.
  void cancel(CallRunner& runner);
  // The same, and what is left gets an error.
  void expire(CallRunner& runner);
  // Lines under way are dropped, nothing is written: the next start goes on.
  void abandon(CallRunner& runner);

  const BatchRecord& record() const { return record_; }
  bool validated() const { return validated_; }
  bool ended() const { return ended_; }

 private:
  struct Place {
    uint64_t offset;
    uint32_t size;
  };
  std::string_view line_text(int64_t line) const;
  void check_line(std::string_view text);
  void add_fault(std::string code, std::string message);
  void fail(std::vector<BatchFault> faults);
  void begin_lines();
  void answer(int64_t line, bool ok, std::string_view text);
  void stop_lines(CallRunner& runner);
  Result<void> write_output();
  Result<std::string> make_file(bool ok, std::vector<FileRecord>& files);
  void save();
  std::string line_id(int64_t line) const;

  BatchRecord record_;
  StateFolder& state_;
  std::unique_ptr<MappedFile> input_;
  std::vector<Place> places_;
  // While validating.
  size_t scanned_ = 0;
  int64_t scanned_lines_ = 0;
  std::unordered_set<std::string> custom_ids_;
  std::vector<BatchFault> faults_;
  bool validated_ = false, ended_ = false, stopping_ = false;

  std::deque<int64_t> waiting_;
  std::unordered_map<int64_t, uint64_t> running_;  // line -> call
};

}  // namespace trivet

#endif  // TRIVET_SERVER_SERVICES_BATCH_JOB_H_
