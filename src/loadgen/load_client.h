// Puts load on any server that speaks the OpenAI API and notes when what came.
#ifndef TRIVET_LOADGEN_LOAD_CLIENT_H_
#define TRIVET_LOADGEN_LOAD_CLIENT_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "loadgen/workload.h"

namespace trivet {

struct LoadSettings {
  std::string url;    // "http://127.0.0.1:8000"; "/v1" at the end is allowed
  std::string model;  // empty = the first of GET /v1/models
  std::string api_key;
  bool chat = false;  // /v1/chat/completions instead of /v1/completions
  WorkloadOptions workload;
  int output_tokens = 64;
  bool ignore_eos = true;  // so that answers have that length; servers without it may stop sooner
  double temperature = 1.0;

  // Closed loop: `concurrency` clients, each sends its next request when an answer has ended. Open
  // loop (rate > 0): requests begin when they begin, at most `concurrency` at once; what would be
  // beyond waits, and its waiting counts as time to the first token.
  int concurrency = 16;
  double rate = 0;  // requests per second
  double burstiness = 1;

  int num_requests = 200;
  double max_seconds = 0;        // no new request after that; 0 = all requests
  double timeout_seconds = 300;  // of one request
  std::string extra_body;        // a JSON object whose fields go into every request
};

// One request as its client saw it. Times are seconds since the run began.
struct RequestRecord {
  uint64_t index = 0;
  double due = 0;      // when it should have begun
  double started = 0;  // when it was sent
  double first_token = -1;
  double ended = 0;
  std::vector<float> gaps;  // seconds between two events with text
  int prompt_tokens = 0;    // 0 = the server did not say
  int cached_tokens = 0;
  int output_tokens = 0;  // what the server said, else events with text
  int http_status = 0;
  std::string failure;  // empty = a whole answer

  bool ok() const { return failure.empty(); }
  double ttft() const { return first_token - due; }
  // Mean time per token after the first; 0 with fewer than two tokens.
  double tpot() const {
    return output_tokens > 1 ? (ended - first_token) / (output_tokens - 1) : 0.0;
  }
};

struct LoadRun {
  LoadSettings settings;
  std::string model;                    // as asked for
  double seconds = 0;                   // first request sent to last answer
  std::vector<RequestRecord> requests;  // in order of their index
};

// Called now and then: requests ended, of how many.
using LoadProgressFunction = std::function<void(int done, int total)>;

// One thread, this one. kInvalidArgument for settings that make no sense, kUnavailable if the
// server cannot be reached at all; what happens to single requests is in their records.
Result<LoadRun> run_load(const LoadSettings& settings, const LoadProgressFunction& progress = {});

}  // namespace trivet

#endif  // TRIVET_LOADGEN_LOAD_CLIENT_H_
