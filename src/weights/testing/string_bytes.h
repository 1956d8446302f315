// For tests: a file that is a string.
#ifndef TRIVET_WEIGHTS_TESTING_STRING_BYTES_H_
#define TRIVET_WEIGHTS_TESTING_STRING_BYTES_H_

#include <cstddef>
#include <span>
#include <string>

namespace trivet {

// Borrows `file`.
inline std::span<const std::byte> bytes_of(const std::string& file) {
  return std::as_bytes(std::span(file));
}

}  // namespace trivet

#endif  // TRIVET_WEIGHTS_TESTING_STRING_BYTES_H_
