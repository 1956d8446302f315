// What /api/generate and /api/chat have in common, written in OpenAI's terms.
#ifndef TRIVET_API_OLLAMA_REQUEST_OPTIONS_H_
#define TRIVET_API_OLLAMA_REQUEST_OPTIONS_H_

#include <optional>
#include <string>
#include <vector>

#include "api/json_fields.h"

namespace trivet {

struct OllamaRequest {
  std::string asked_name;  // of the model, as the client wrote it
  std::string model;       // as it is served
  bool stream = true;
  bool unloads = false;  // keep_alive 0
  bool logprobs = false;
  int top_logprobs = 0;
  std::optional<int> max_tokens;
  std::vector<std::string> ignored;
};

// Reads the fields around the prompt and writes their meaning as members of the object that is open
// in `writer`. Errors go to the fields' error.
OllamaRequest write_common_options(Fields& fields, const ServedModel& model, JsonWriter& writer);

}  // namespace trivet

#endif  // TRIVET_API_OLLAMA_REQUEST_OPTIONS_H_
