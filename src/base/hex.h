// Bytes as text.
#ifndef TRIVET_BASE_HEX_H_
#define TRIVET_BASE_HEX_H_

#include <span>
#include <string>

namespace trivet {

// Two lower-case hexadecimal digits for each byte.
inline std::string to_hex(std::span<const unsigned char> bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  out.reserve(2 * bytes.size());
  for (const unsigned char byte : bytes) {
    out += kDigits[byte >> 4];
    out += kDigits[byte & 15];
  }
  return out;
}

}  // namespace trivet

#endif  // TRIVET_BASE_HEX_H_
