// What clients note on objects of their own.
#ifndef TRIVET_API_RESPONSES_METADATA_H_
#define TRIVET_API_RESPONSES_METADATA_H_

#include <optional>
#include <string>

#include "api/json_fields.h"

namespace trivet {

// The field "metadata" as a JSON object: at most 16 strings of at most 512 bytes, with names of at
// most 64. Absent: it is not there, or wrong, which the fields' error says.
std::optional<std::string> read_metadata(Fields& fields);

}  // namespace trivet

#endif  // TRIVET_API_RESPONSES_METADATA_H_
