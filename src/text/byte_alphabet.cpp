#include "text/byte_alphabet.h"

#include "text/utf8.h"

namespace trivet {
namespace {

// Bytes that are written as themselves: printable and not a space in Latin-1.
constexpr bool is_printable(unsigned byte) {
  return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
}

struct Alphabet {
  unsigned short character[256];  // of a byte
  short byte[256 + 68];           // of a character, -1 = none
};

// The 68 other bytes get the characters from U+0100 on, in order.
constexpr Alphabet make_alphabet() {
  Alphabet alphabet{};
  for (short& byte : alphabet.byte) byte = -1;
  unsigned short next = 0x100;
  for (unsigned byte = 0; byte < 256; ++byte) {
    const unsigned short character =
        is_printable(byte) ? static_cast<unsigned short>(byte) : next++;
    alphabet.character[byte] = character;
    alphabet.byte[character] = static_cast<short>(byte);
  }
  return alphabet;
}

constexpr Alphabet kAlphabet = make_alphabet();

}  // namespace

std::optional<std::string> bytes_from_alphabet(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    const auto lead = static_cast<unsigned char>(text[at]);
    unsigned character = lead;
    if (lead >= 0x80) {
      // All characters of the alphabet have at most two bytes.
      if (utf8_length(lead) != 2 || at + 1 == text.size()) return std::nullopt;
      character = (lead & 0x1Fu) << 6 | (static_cast<unsigned char>(text[at + 1]) & 0x3Fu);
    }
    if (character >= std::size(kAlphabet.byte) || kAlphabet.byte[character] < 0)
      return std::nullopt;
    result.push_back(static_cast<char>(kAlphabet.byte[character]));
    at += lead >= 0x80 ? 2 : 1;
  }
  return result;
}

std::string bytes_to_alphabet(std::string_view bytes) {
  std::string result;
  result.reserve(bytes.size() * 2);
  for (const char byte : bytes) {
    const unsigned character = kAlphabet.character[static_cast<unsigned char>(byte)];
    if (character < 0x80) {
      result.push_back(static_cast<char>(character));
    } else {
      result.push_back(static_cast<char>(0xC0 | character >> 6));
      result.push_back(static_cast<char>(0x80 | (character & 0x3F)));
    }
  }
  return result;
}

}  // namespace trivet
