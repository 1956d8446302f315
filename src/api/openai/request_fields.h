// The fields that completions and chat completions share.
#ifndef TRIVET_API_OPENAI_COMMON_REQUEST_H_
#define TRIVET_API_OPENAI_COMMON_REQUEST_H_

#include <optional>
#include <string>
#include <vector>

#include "api/call.h"
#include "api/json_fields.h"
#include "api/structured_output.h"

namespace trivet {

struct CommonRequest {
  std::optional<std::string> request_id;  // the client's own, for the id of the answer
  bool stream = false;
  bool include_usage = false;     // a last chunk with the usage
  bool resumable = false;         // the stream outlives a lost connection
  bool continuous_usage = false;  // running totals in every chunk
  bool return_token_ids = false;
  bool tokens_as_ids = false;  // "token_id:7" in place of the text in log-probabilities
  bool echo = false;
  int priority = 0;
  std::string cache_salt;
  std::optional<int> truncate_prompt_tokens;  // keep the last so many; -1 = what fits
  std::optional<OutputFormat> output_format;  // becomes params.grammar by compile_format()
  GenerationParams params;
};

// Reads them, with the model's defaults. Errors go to the fields' error.
CommonRequest read_common(Fields& fields, const ServedModel& model);

// 404 unless the body names the model, or none.
void check_model(Fields& fields, const ServedModel& model);

// validate() with the name of the parameter that it names.
void check_params(const GenerationParams& params, const ServedModel& model, FirstError& error);

}  // namespace trivet

#endif  // TRIVET_API_OPENAI_COMMON_REQUEST_H_
