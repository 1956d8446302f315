// Ids of tool calls.
#ifndef TRIVET_DIALECTS_CALL_IDS_H_
#define TRIVET_DIALECTS_CALL_IDS_H_

#include <string>
#include <string_view>

#include "dialects/dialect.h"

namespace trivet {

// The same for the same seed and index, else different.
std::string make_call_id(CallIdStyle style, std::string_view seed, int index,
                         std::string_view name);

}  // namespace trivet

#endif  // TRIVET_DIALECTS_CALL_IDS_H_
