#include "api/answers_call.h"

#include <algorithm>
#include <chrono>

namespace trivet {

void AnswersCall::add(EngineRequest request, const CallContext& context,
                      std::string_view id_prefix) {
  request.id = std::string(id_prefix) + context.request_id + "-" + std::to_string(ids_.size());
  request.tenant = context.tenant;
  request.stream = stream_;
  request.params.n = 1;
  ids_.push_back(request.id);
  Progress progress;
  progress.usage.prompt_tokens = static_cast<int>(request.prompt.size());
  progress_.push_back(std::move(progress));
  requests_.push_back(std::move(request));
}

std::string AnswersCall::encode(const RequestOutput& output) {
  const auto place = std::find(ids_.begin(), ids_.end(), output.request_id);
  if (done_ || place == ids_.end()) return {};
  const auto index = static_cast<size_t>(place - ids_.begin());
  Progress& progress = progress_[index];
  if (progress.finished) return {};
  note(progress, output);
  if (output.error) {
    done_ = true;
    error_ = to_api_error(*output.error);
    return stream_ ? encode_error_event(*error_) : std::string();
  }
  std::string out;
  for (const SequenceOutput& news : output.sequences) {
    if (news.index == 0) take(out, index, news);
  }
  if (progress.finished) finish(out, index);
  return stream_ ? out : std::string();
}

void AnswersCall::note(Progress& progress, const RequestOutput& output) {
  if (output.usage.prompt_tokens > 0) progress.usage = output.usage;
  progress.timing = output.timing;
  for (const SequenceOutput& news : output.sequences) {
    if (news.index != 0 || news.finish_reason == FinishReason::kNone) continue;
    progress.finish_reason = news.finish_reason;
    progress.stop_reason = news.stop_reason;
  }
  if (!output.finished) return;
  progress.finished = true;
  if (progress.finish_reason == FinishReason::kNone) {
    progress.finish_reason = FinishReason::kLength;
  }
  done_ = ++finished_ == progress_.size();
}

RequestUsage AnswersCall::usage() const {
  RequestUsage total;
  for (const Progress& progress : progress_) total += progress.usage;
  return total;
}

std::optional<int> fitting_tokens(std::optional<int> asked, size_t prompt_tokens,
                                  const ServedModel& model) {
  const int64_t room =
      std::max<int64_t>(model.max_model_len - static_cast<int64_t>(prompt_tokens), 0);
  if (!asked || *asked > room) return std::nullopt;
  return asked;
}

int64_t nanoseconds_between(TimePoint from, TimePoint to) {
  if (from == TimePoint{} || to == TimePoint{} || to < from) return 0;
  return std::chrono::duration_cast<std::chrono::nanoseconds>(to - from).count();
}

}  // namespace trivet
