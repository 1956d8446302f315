#include "engine/answer_budget.h"

#include <algorithm>

#include "engine/memory_plan.h"

namespace trivet {
namespace {

// An entry of the engine's output takes 8 bytes. Its JSON text in the widest format (text, number
// and bytes of the token) takes up to about 90, and as much again while the text is copied.
constexpr uint64_t kBytesPerEntry = 200;

uint64_t entries(const std::optional<int>& top, int vocab_size) {
  if (!top) return 0;
  return static_cast<uint64_t>(*top == kAllLogprobs ? vocab_size : *top) + 1;
}

}  // namespace

uint64_t worst_answer_bytes(const EngineRequest& request, int vocab_size, int longest) {
  const GenerationParams& params = request.params;
  const uint64_t prompt = request.prompt.size();
  const uint64_t room = static_cast<uint64_t>(longest) - std::min<uint64_t>(prompt, longest);
  uint64_t answer = room;
  if (params.max_tokens)
    answer = std::min<uint64_t>(room, static_cast<uint64_t>(*params.max_tokens));
  if (request.stream) answer = std::min<uint64_t>(answer, 1);  // sent as it comes
  return kBytesPerEntry *
         (entries(params.prompt_logprobs, vocab_size) * prompt +
          entries(params.logprobs, vocab_size) * answer * static_cast<uint64_t>(params.n));
}

Result<void> AnswerBudget::reserve(const std::string& request_id, uint64_t bytes) {
  if (bytes < kSmallAnswerBytes) return {};
  const std::string takes =
      "The log-probabilities asked for take up to " + format_bytes(bytes) + " of memory; ";
  if (bytes > limit_bytes_) {
    return Error(ErrorCode::kInvalidArgument,
                 takes + "at most " + format_bytes(limit_bytes_) +
                     " are set aside for them. Ask for fewer log-probabilities, a shorter prompt "
                     "or fewer tokens, or stream.");
  }
  if (reserved_bytes_ + bytes > limit_bytes_) {
    return Error(ErrorCode::kResourceExhausted,
                 takes + format_bytes(limit_bytes_ - reserved_bytes_) + " of the " +
                     format_bytes(limit_bytes_) +
                     " set aside for them are free. Send the request again later.");
  }
  if (held_.emplace(request_id, bytes).second) reserved_bytes_ += bytes;
  return {};
}

void AnswerBudget::release(const std::string& request_id) {
  const auto place = held_.find(request_id);
  if (place == held_.end()) return;
  reserved_bytes_ -= place->second;
  held_.erase(place);
}

}  // namespace trivet
