// llama.cpp's own API: /completion, /infill, /props, /slots, /apply-template.
#ifndef TRIVET_API_LLAMA_CPP_LLAMA_CPP_API_H_
#define TRIVET_API_LLAMA_CPP_LLAMA_CPP_API_H_

#include "api/call.h"

namespace trivet {

ParsedCall parse_native_completion(std::string_view body, const ServedModel& model,
                                   const CallContext& context);
ParsedCall parse_infill(std::string_view body, const ServedModel& model,
                        const CallContext& context);

PlainAnswer answer_apply_template(std::string_view body, const ServedModel& model);
PlainAnswer answer_props(const ServedModel& model);
// One slot per request that can run at once; the first `running` are busy. kUnavailable if all are
// and `fail_if_busy`.
PlainAnswer answer_slots(const ServedModel& model, int running, bool fail_if_busy);
std::string encode_llama_cpp_error(const ApiError& error);

}  // namespace trivet

#endif  // TRIVET_API_LLAMA_CPP_LLAMA_CPP_API_H_
