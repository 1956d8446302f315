// multipart/form-data (RFC 7578), as browsers and HTTP clients send it.
#ifndef TRIVET_API_FILES_MULTIPART_H_
#define TRIVET_API_FILES_MULTIPART_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace trivet {

struct FormPart {
  std::string name;
  std::optional<std::string> filename;  // of a file; as sent, not a path
  std::string_view content;             // into the body
};

// The parts in order; at most kMaxFormParts. kInvalidArgument says what is wrong. `content_type`:
// the header.
inline constexpr size_t kMaxFormParts = 64;
Result<std::vector<FormPart>> parse_multipart(std::string_view content_type, std::string_view body);

}  // namespace trivet

#endif  // TRIVET_API_FILES_MULTIPART_H_
