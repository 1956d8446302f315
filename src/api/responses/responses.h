// The Responses API: bodies in, calls out.
#ifndef TRIVET_API_RESPONSES_RESPONSES_H_
#define TRIVET_API_RESPONSES_RESPONSES_H_

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/responses/response_call.h"
#include "api/responses/response_history.h"

namespace trivet {

struct ParsedResponse {
  std::unique_ptr<ResponseCall> call;
  std::optional<ApiError> error;  // set when call is null
  std::vector<std::string> ignored_fields;
};

// `id` is the new response's ("resp_..."), created at the context's time. A request without a seed
// gets one that the id decides: made again after a crash, the answer is the same.
ParsedResponse parse_response(std::string_view body, const ServedModel& model,
                              const CallContext& context, const std::string& id,
                              ResponseHistory& history);

}  // namespace trivet

#endif  // TRIVET_API_RESPONSES_RESPONSES_H_
