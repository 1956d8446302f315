// The fields that /completion and /infill share.
#ifndef TRIVET_API_LLAMA_CPP_NATIVE_REQUEST_H_
#define TRIVET_API_LLAMA_CPP_NATIVE_REQUEST_H_

#include <optional>
#include <string>
#include <vector>

#include "api/json_fields.h"

namespace trivet {

struct NativeRequest {
  GenerationParams params;
  std::optional<int> max_tokens;  // absent = until the model ends
  bool stream = false;
  bool return_tokens = false;
  std::vector<std::string> response_fields;  // empty = all
};

// Reads them with llama.cpp's defaults, where the model has none of its own. Errors go to the
// fields' error.
NativeRequest read_native_request(Fields& fields, const ServedModel& model,
                                  std::vector<std::string>& ignored);

}  // namespace trivet

#endif  // TRIVET_API_LLAMA_CPP_NATIVE_REQUEST_H_
