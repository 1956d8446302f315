// Calls whose prompts have one answer each: what the wire formats besides OpenAI's do alike.
#ifndef TRIVET_API_ANSWERS_CALL_H_
#define TRIVET_API_ANSWERS_CALL_H_

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "api/call.h"

namespace trivet {

class AnswersCall : public GenerationCall {
 public:
  std::vector<EngineRequest> take_requests() override { return std::move(requests_); }
  bool streamed() const override { return stream_; }
  std::string encode(const RequestOutput& output) override;
  bool done() const override { return done_; }
  const std::optional<ApiError>& error() const override { return error_; }
  RequestUsage usage() const override;

 protected:
  // What is known of one answer so far.
  struct Progress {
    RequestUsage usage;
    RequestTiming timing;
    FinishReason finish_reason = FinishReason::kNone;
    std::variant<std::monostate, TokenId, std::string> stop_reason;  // as in SequenceOutput
    bool finished = false;
  };

  explicit AnswersCall(bool stream) : stream_(stream) {}

  // One prompt of the call; its id, tenant and kind of delivery are filled in. In the constructor
  // only.
  void add(EngineRequest request, const CallContext& context, std::string_view id_prefix);
  const Progress& progress(size_t index) const { return progress_[index]; }
  size_t answer_count() const { return progress_.size(); }

  // News of the answer to prompt `index`; what goes into a stream is appended to `out`. The
  // progress has been updated.
  virtual void take(std::string& out, size_t index, const SequenceOutput& news) = 0;
  // That answer is complete. After the last take() for it.
  virtual void finish(std::string& out, size_t index) = 0;

 private:
  void note(Progress& progress, const RequestOutput& output);

  const bool stream_;
  std::vector<EngineRequest> requests_;
  std::vector<std::string> ids_;
  std::vector<Progress> progress_;
  size_t finished_ = 0;
  bool done_ = false;
  std::optional<ApiError> error_;
};

// What of `asked` tokens fits behind a prompt; absent = as many as fit.
std::optional<int> fitting_tokens(std::optional<int> asked, size_t prompt_tokens,
                                  const ServedModel& model);

// Nanoseconds between two stages; 0 if one of them did not happen.
int64_t nanoseconds_between(TimePoint from, TimePoint to);

}  // namespace trivet

#endif  // TRIVET_API_ANSWERS_CALL_H_
