#include "dialects/call_ids.h"

#include <cstdint>

namespace trivet {
namespace {

// FNV-1a, then the finalizer of MurmurHash3 so that all bits depend on all bytes.
uint64_t mix(std::string_view seed, uint64_t start) {
  uint64_t hash = 0xCBF29CE484222325 ^ start;
  for (const char c : seed) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3;
  hash = (hash ^ hash >> 33) * 0xFF51AFD7ED558CCD;
  hash = (hash ^ hash >> 33) * 0xC4CEB9FE1A85EC53;
  return hash ^ hash >> 33;
}

std::string digits(uint64_t value, std::string_view alphabet, int count) {
  std::string text;
  for (int i = 0; i < count; ++i, value /= alphabet.size()) {
    text += alphabet[value % alphabet.size()];
  }
  return text;
}

}  // namespace

std::string make_call_id(CallIdStyle style, std::string_view seed, int index,
                         std::string_view name) {
  constexpr std::string_view kHex = "0123456789abcdef";
  constexpr std::string_view kAlphanumeric =
      "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  const auto number = static_cast<uint64_t>(index) + 1;
  switch (style) {
    case CallIdStyle::kNumbered:
      return "functions." + std::string(name) + ":" + std::to_string(index);
    case CallIdStyle::kNineChars:
      return digits(mix(seed, number), kAlphanumeric, 9);
    case CallIdStyle::kLong:
      break;
  }
  return "chatcmpl-tool-" + digits(mix(seed, number), kHex, 16) +
         digits(mix(seed, number << 32), kHex, 16);
}

}  // namespace trivet
