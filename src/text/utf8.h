// UTF-8 as Python's bytes.decode(errors="replace") and the WHATWG decoder read it.
#ifndef TRIVET_TEXT_UTF8_H_
#define TRIVET_TEXT_UTF8_H_

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace trivet {

// Size in bytes of the character that starts with `lead`; 1 for bytes that start none.
size_t utf8_length(unsigned char lead);

// Appends `bytes` as valid UTF-8 to `out`: each maximal part of a character that can never become
// one is replaced by one U+FFFD. Returns how many bytes were read: all, except for a last character
// that is so far correct but incomplete; with `at_end` that is replaced too.
size_t append_utf8(std::string_view bytes, bool at_end, std::string& out);

// Offset of the first byte that is not UTF-8, or nothing if all is.
std::optional<size_t> find_invalid_utf8(std::string_view bytes);

}  // namespace trivet

#endif  // TRIVET_TEXT_UTF8_H_
