// The engine: takes requests from any thread, runs the step loop on its own, gives results in
// batches.
#ifndef TRIVET_ENGINE_ENGINE_H_
#define TRIVET_ENGINE_ENGINE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "base/result.h"
#include "engine/model_runner.h"
#include "sampling/generation_params.h"
#include "sampling/sampler.h"
#include "text/tokenizer.h"

namespace trivet {

struct EngineRequest {
  std::string id;     // unique among live requests
  std::string label;  // the answer's id as its client knows it, for abort(); may be empty
  std::vector<TokenId> prompt;
  GenerationParams params;
  int priority = 0;                   // lower = sooner
  std::optional<TimePoint> deadline;  // ends with kDeadlineExceeded when it passes
  std::string tenant;                 // fairness between API keys; empty = the anonymous one
  std::string cache_salt;             // prompts with different salts never share cache blocks
  bool stream = true;                 // false: only the final output is delivered
};

enum class FinishReason { kNone, kStop, kLength, kAbort };

// New output of one choice since the last delivery.
struct SequenceOutput {
  int index = 0;  // choice, [0, n)
  std::string text;
  std::vector<TokenId> tokens;
  std::vector<PositionLogprobs> logprobs;  // one per token if asked for
  FinishReason finish_reason = FinishReason::kNone;
  // Why it stopped, for kStop: the stop string or token that matched; monostate = an end token.
  std::variant<std::monostate, TokenId, std::string> stop_reason;
};

struct RequestUsage {
  int prompt_tokens = 0;
  int cached_tokens = 0;      // of the prompt, found in the prefix cache
  int completion_tokens = 0;  // all choices

  RequestUsage& operator+=(const RequestUsage& other) {
    prompt_tokens += other.prompt_tokens;
    cached_tokens += other.cached_tokens;
    completion_tokens += other.completion_tokens;
    return *this;
  }
};

struct RequestTiming {
  TimePoint arrived, scheduled, first_token, finished;
};

struct RequestOutput {
  std::string request_id;
  std::vector<SequenceOutput> sequences;  // those with news
  // With prompt_logprobs, once: entry i is about prompt[i]; entry 0 is empty (nothing predicts the
  // first token).
  std::vector<std::optional<PositionLogprobs>> prompt_logprobs;
  bool finished = false;
  std::optional<Error> error;  // finished with an error
  RequestUsage usage;          // so far
  RequestTiming timing;
};

// Called on the engine thread, once per step, with everything that is new. Must not block and must
// not call the engine's blocking members.
class OutputSink {
 public:
  virtual ~OutputSink() = default;
  virtual void deliver(std::vector<RequestOutput> outputs) = 0;
};

inline constexpr uint64_t kDefaultAnswerBytes = 16 << 20;

struct EngineOptions {
  int max_num_seqs = 32;                    // running at once
  int max_num_batched_tokens = 256;         // rows per step
  int prefill_chunk = 64;                   // prompt tokens of one sequence per step
  Duration tpot_target = Duration::zero();  // of a step while sequences decode; 0 = no limit
  int max_queued_requests = 1024;           // waiting; beyond: kResourceExhausted
  bool enable_prefix_caching = true;
  uint64_t seed = 0;  // of requests without one (mixed with a counter)
  uint64_t max_answer_bytes =
      kDefaultAnswerBytes;  // of all log-probabilities on their way, see AnswerBudget
};

struct EngineStats {
  int running = 0;
  int waiting = 0;
  int kv_blocks_total = 0;
  int kv_blocks_free = 0;  // unused or cached without a user: what a new request may take
  uint64_t prefix_queries_tokens = 0, prefix_hits_tokens = 0;
  uint64_t preemptions = 0;
  uint64_t prompt_tokens = 0, generated_tokens = 0;
  uint64_t steps = 0;
  double mask_delay_seconds = 0;  // what grammars made the last step longer
  bool resting = false;           // paused or asleep, or on the way there
};

// How still the engine is.
enum class EngineRest {
  kNone,    // works
  kPaused,  // makes no steps; new requests wait in the queue
  kAsleep,  // paused, and the key/value memory is given back
};

// What happens to requests that are live when the engine goes to rest.
enum class LiveRequests {
  kAbort,   // end now, with kAbort
  kFinish,  // run to their end first
  kKeep,    // stop where they are and go on later, with the same bytes as if nothing had happened
};

struct RestState {
  EngineRest wanted = EngineRest::kNone;
  EngineRest reached = EngineRest::kNone;
  // Why the last try to wake up failed (the engine stays asleep).
  std::optional<Error> error;
};

// Told about each step, for metrics. Called on the engine thread.
class EngineObserver {
 public:
  virtual ~EngineObserver() = default;
  // rows 0: nothing was computed, but requests ended.
  virtual void on_step(const EngineStats& stats, int rows, double seconds) = 0;
  virtual void on_finish(const RequestOutput& last, const EngineRequest& request) = 0;
};

class Engine {
 public:
  // The references must outlive the engine; `observer` and `clock` may be null (none, steady).
  // `end_tokens`: the model's.
  static Result<std::unique_ptr<Engine>> create(const EngineOptions& options, ModelRunner& runner,
                                                const Tokenizer& tokenizer,
                                                std::vector<TokenId> end_tokens, OutputSink& sink,
                                                EngineObserver* observer = nullptr,
                                                const Clock* clock = nullptr);
  // Aborts what is left and joins the thread.
  virtual ~Engine() = default;

  // Thread-safe, never waits for a step. On success at least one output with `finished` follows.
  // Errors, with nothing delivered: kInvalidArgument (bad parameters, prompt empty or too long, can
  // never fit), kResourceExhausted (queue or max_answer_bytes full), kUnavailable (draining),
  // kAlreadyExists (id).
  virtual Result<void> submit(EngineRequest request) = 0;
  // Thread-safe. Unknown ids are ignored. Takes effect at the next step boundary; frees everything.
  virtual void cancel(const std::string& id) = 0;
  // Cancels the requests of the calls that are named by their ids or labels, or all; only those of
  // the tenant unless it is null. Returns how many. Thread-safe.
  virtual int abort(const std::vector<std::string>& calls, const std::string* tenant) = 0;
  virtual EngineStats stats() const = 0;  // thread-safe

  // Thread-safe; returns at once, and rest_state() says when it is so. The last call counts. While
  // the engine rests, requests are taken and wait; cancels and deadlines work as ever.
  virtual void rest(EngineRest wanted, LiveRequests live) = 0;
  virtual RestState rest_state() const = 0;
  // Nothing cached is found by later requests. Thread-safe; takes effect at the next step boundary.
  virtual void forget_prefixes() = 0;

  // Refuses new requests, waits for the live ones until `deadline`, then aborts the rest. Returns
  // how many. What rests does not go on: it is aborted at once.
  virtual int drain(TimePoint deadline) = 0;
};

}  // namespace trivet

#endif  // TRIVET_ENGINE_ENGINE_H_
