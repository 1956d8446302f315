// The tokens of a vocabulary: names, bytes and which are special. Compact: a vocabulary of 262,144
// tokens takes some 12 MB.
#ifndef TRIVET_TEXT_TOKEN_TABLE_H_
#define TRIVET_TEXT_TOKEN_TABLE_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"

namespace trivet {

// Filled row by row, then indexed once, then only read.
class TokenTable {
 public:
  // More tokens than any model has; protects against damaged files.
  static constexpr size_t kMaxTokens = size_t{1} << 22;

  void reserve(size_t count);
  // Appends the token with the next id. An empty name cannot be found.
  void add(std::string_view name, std::string_view bytes, bool special);
  // Makes find() work. Of equal names the lowest id is found.
  void index();

  int size() const { return static_cast<int>(name_ends_.size()); }
  bool contains(TokenId id) const { return id >= 0 && id < size(); }
  // Only if contains(id).
  std::string_view name(TokenId id) const { return slice(names_, name_ends_, id); }
  std::string_view bytes(TokenId id) const { return slice(bytes_, byte_ends_, id); }
  bool special(TokenId id) const { return special_[static_cast<size_t>(id)]; }

  std::optional<TokenId> find(std::string_view name) const;

  // The text of a sequence: the bytes of its tokens with U+FFFD for what is not UTF-8. Ids outside
  // the table give nothing. With `strip_leading_space`, without the first space of the text.
  std::string decode(std::span<const TokenId> tokens, bool skip_special,
                     bool strip_leading_space) const;

  size_t memory_bytes() const;

 private:
  static std::string_view slice(const std::string& text, const std::vector<uint32_t>& ends,
                                TokenId id) {
    const size_t i = static_cast<size_t>(id);
    const uint32_t start = i == 0 ? 0 : ends[i - 1];
    return std::string_view(text).substr(start, ends[i] - start);
  }
  size_t slot_of(std::string_view name) const;

  std::string names_, bytes_;
  std::vector<uint32_t> name_ends_, byte_ends_;
  std::vector<bool> special_;
  std::vector<TokenId> slots_;  // hash table with linear probing, size a power of two; -1 = free
};

}  // namespace trivet

#endif  // TRIVET_TEXT_TOKEN_TABLE_H_
