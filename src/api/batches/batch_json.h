// Batch objects of the OpenAI API.
#ifndef TRIVET_API_BATCHES_BATCH_JSON_H_
#define TRIVET_API_BATCHES_BATCH_JSON_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/json_fields.h"
#include "state/batch_store.h"

namespace trivet {

// The body of POST /v1/batches.
struct BatchRequest {
  std::string input_file, endpoint, completion_window = "24h";
  int64_t window_seconds = 0;
  std::string metadata = "null";  // JSON
};
std::optional<BatchRequest> read_batch_request(std::string_view body, FirstError& error);

// What is wrong with a line of the input. `line` from 1.
struct BatchFault {
  int64_t line = 0;
  std::string code, message;
};
std::string faults_json(const std::vector<BatchFault>& faults);

std::string batch_json(const BatchRecord& batch);
std::string batch_list_json(const std::vector<BatchRecord>& batches, bool has_more);

}  // namespace trivet

#endif  // TRIVET_API_BATCHES_BATCH_JSON_H_
