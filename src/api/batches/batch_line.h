// Lines of batch files: a request each, and an answer each.
#ifndef TRIVET_API_BATCHES_BATCH_LINE_H_
#define TRIVET_API_BATCHES_BATCH_LINE_H_

#include <string>
#include <string_view>

#include "api/call.h"

namespace trivet {

// {"custom_id", "method": "POST", "url", "body": {...}}
struct BatchLine {
  static constexpr size_t kMaxCustomIdBytes = 512;
  std::string custom_id;
  std::string url;
  std::string body;  // without "stream": a batch answers in one piece
};

// "/v1/chat/completions", ...: what lines may ask for.
bool is_batch_endpoint(std::string_view url);
std::string batch_endpoints();  // for messages

// kInvalidArgument says what is wrong with the line.
Result<BatchLine> read_batch_line(std::string_view line);

// What the engine is to do for the line.
ParsedCall parse_batch_call(const BatchLine& line, const ServedModel& model,
                            const CallContext& context);

// One line of an output file, with its line end. `body`: the JSON answer or error.
std::string answer_line(std::string_view id, std::string_view custom_id, int status,
                        std::string_view request_id, std::string_view body);
// Of a request that was not made: "batch_expired", ...
std::string failure_line(std::string_view id, std::string_view custom_id, std::string_view code,
                         std::string_view message);

}  // namespace trivet

#endif  // TRIVET_API_BATCHES_BATCH_LINE_H_
