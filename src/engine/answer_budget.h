// The memory that answers with many log-probabilities take, beside the key/value cache.
#ifndef TRIVET_ENGINE_ANSWER_BUDGET_H_
#define TRIVET_ENGINE_ANSWER_BUDGET_H_

#include <cstdint>
#include <string>
#include <unordered_map>

#include "base/result.h"
#include "engine/engine.h"

namespace trivet {

// Bytes that the log-probabilities of an answer take at their largest: entries in the engine's
// output, and their JSON text while it is built. `longest` = most tokens of prompt and answer.
uint64_t worst_answer_bytes(const EngineRequest& request, int vocab_size, int longest);

// Who holds how much of a fixed allowance. Answers below kSmallAnswerBytes are not counted: what
// runs at once is bounded, and they fit the allowance of running requests. Not thread-safe.
class AnswerBudget {
 public:
  static constexpr uint64_t kSmallAnswerBytes = 1 << 20;

  explicit AnswerBudget(uint64_t limit_bytes) : limit_bytes_(limit_bytes) {}

  // kInvalidArgument: more than the allowance, so it could never run. kResourceExhausted: not now.
  Result<void> reserve(const std::string& request_id, uint64_t bytes);
  void release(const std::string& request_id);
  uint64_t reserved_bytes() const { return reserved_bytes_; }

 private:
  const uint64_t limit_bytes_;
  uint64_t reserved_bytes_ = 0;
  std::unordered_map<std::string, uint64_t> held_;
};

}  // namespace trivet

#endif  // TRIVET_ENGINE_ANSWER_BUDGET_H_
