// GPT-2's alphabet: each byte is written as one printable character, so that vocabularies are text.
#ifndef TRIVET_TEXT_BYTE_ALPHABET_H_
#define TRIVET_TEXT_BYTE_ALPHABET_H_

#include <optional>
#include <string>
#include <string_view>

namespace trivet {

// "Ġa" -> " a". Nothing if a character is not of the alphabet.
std::optional<std::string> bytes_from_alphabet(std::string_view text);

// " a" -> "Ġa".
std::string bytes_to_alphabet(std::string_view bytes);

}  // namespace trivet

#endif  // TRIVET_TEXT_BYTE_ALPHABET_H_
