#include "text/token_table.h"

#include <bit>
#include <functional>

#include "base/check.h"
#include "text/utf8.h"

namespace trivet {

void TokenTable::reserve(size_t count) {
  name_ends_.reserve(count);
  byte_ends_.reserve(count);
  special_.reserve(count);
}

void TokenTable::add(std::string_view name, std::string_view bytes, bool special) {
  names_.append(name);
  bytes_.append(bytes);
  TRIVET_CHECK(names_.size() <= UINT32_MAX && bytes_.size() <= UINT32_MAX);
  name_ends_.push_back(static_cast<uint32_t>(names_.size()));
  byte_ends_.push_back(static_cast<uint32_t>(bytes_.size()));
  special_.push_back(special);
}

void TokenTable::index() {
  names_.shrink_to_fit();
  bytes_.shrink_to_fit();
  slots_.assign(std::bit_ceil(static_cast<size_t>(size()) * 2 + 1), -1);
  for (TokenId id = 0; id < size(); ++id) {
    if (name(id).empty()) continue;
    TokenId& slot = slots_[slot_of(name(id))];
    if (slot < 0) slot = id;
  }
}

// The slot that holds the name, or the free one where it would go.
size_t TokenTable::slot_of(std::string_view wanted) const {
  const size_t mask = slots_.size() - 1;
  size_t slot = std::hash<std::string_view>{}(wanted)&mask;
  while (slots_[slot] >= 0 && name(slots_[slot]) != wanted) slot = (slot + 1) & mask;
  return slot;
}

std::optional<TokenId> TokenTable::find(std::string_view wanted) const {
  if (wanted.empty() || slots_.empty()) return std::nullopt;
  const TokenId id = slots_[slot_of(wanted)];
  if (id < 0) return std::nullopt;
  return id;
}

std::string TokenTable::decode(std::span<const TokenId> tokens, bool skip_special,
                               bool strip_leading_space) const {
  std::string all;
  for (const TokenId token : tokens) {
    if (!contains(token) || (skip_special && special(token))) continue;
    all.append(bytes(token));
  }
  std::string text;
  text.reserve(all.size());
  append_utf8(all, true, text);
  if (strip_leading_space && text.starts_with(' ')) text.erase(0, 1);
  return text;
}

size_t TokenTable::memory_bytes() const {
  return sizeof(*this) + names_.capacity() + bytes_.capacity() + special_.capacity() / 8 +
         (name_ends_.capacity() + byte_ends_.capacity()) * sizeof(uint32_t) +
         slots_.capacity() * sizeof(TokenId);
}

}  // namespace trivet
