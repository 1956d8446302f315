#include "text/special_tokens.h"

#include <algorithm>
#include <tuple>

namespace trivet {

uint32_t SpecialTokens::child(uint32_t node, unsigned char byte) const {
  uint32_t next = nodes_[node].first_child;
  while (next != 0 && nodes_[next].byte != byte) next = nodes_[next].next_sibling;
  return next;
}

void SpecialTokens::add(std::string_view name, TokenId id, bool plain, bool strips_right) {
  if (name.empty() || name.size() > kMaxNameBytes) return;
  uint32_t node = 0;
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    uint32_t next = node == 0 ? roots_[byte] : child(node, byte);
    if (next == 0) {
      next = static_cast<uint32_t>(nodes_.size());
      nodes_.push_back(Node{0, node == 0 ? 0 : nodes_[node].first_child, -1, byte});
      (node == 0 ? roots_[byte] : nodes_[node].first_child) = next;
    }
    node = next;
  }
  if (nodes_[node].entry >= 0) return;  // the lowest id of equal names
  nodes_[node].entry = static_cast<int32_t>(entries_.size());
  entries_.push_back({id, static_cast<uint32_t>(name.size()), plain, strips_right});
}

void SpecialTokens::collect(std::string_view text, size_t at, bool only_plain,
                            std::vector<Match>& matches) const {
  uint32_t node = roots_[static_cast<unsigned char>(text[at])];
  for (size_t next = at + 1; node != 0; ++next) {
    if (const int32_t entry = nodes_[node].entry; entry >= 0) {
      const Entry& found = entries_[static_cast<size_t>(entry)];
      if (found.plain || !only_plain) matches.push_back({at, found});
    }
    if (next == text.size()) break;
    node = child(node, static_cast<unsigned char>(text[next]));
  }
}

// The matches that count, in the order of the text.
std::vector<SpecialTokens::Match> SpecialTokens::find(std::string_view text,
                                                      bool only_plain) const {
  std::vector<Match> matches;
  for (size_t at = 0; at < text.size(); ++at) collect(text, at, only_plain, matches);
  if (matches.size() < 2) return matches;
  std::sort(matches.begin(), matches.end(), [](const Match& a, const Match& b) {
    return std::tuple(b.entry.size, a.entry.id, a.at) < std::tuple(a.entry.size, b.entry.id, b.at);
  });
  std::vector<bool> taken(text.size());
  std::erase_if(matches, [&](const Match& match) {
    const auto begin = taken.begin() + static_cast<std::ptrdiff_t>(match.at);
    const auto end = begin + match.entry.size;
    // Accepted matches are at least as long, so an overlap covers the first or the last byte.
    if (*begin || *(end - 1)) return true;
    std::fill(begin, end, true);
    return false;
  });
  std::sort(matches.begin(), matches.end(),
            [](const Match& a, const Match& b) { return a.at < b.at; });
  return matches;
}

constexpr std::string_view kSpaces = " \t\n\v\f\r";

std::vector<TextFragment> SpecialTokens::split(std::string_view text, bool only_plain) const {
  std::vector<TextFragment> fragments;
  size_t at = 0;
  for (const Match& match : find(text, only_plain)) {
    if (match.at > at) fragments.push_back({text.substr(at, match.at - at)});
    fragments.push_back({{}, match.entry.id});
    at = match.at + match.entry.size;
    if (match.entry.strips_right) at = std::min(text.find_first_not_of(kSpaces, at), text.size());
  }
  if (at < text.size()) fragments.push_back({text.substr(at)});
  return fragments;
}

size_t SpecialTokens::memory_bytes() const {
  return sizeof(*this) + entries_.capacity() * sizeof(Entry) + nodes_.capacity() * sizeof(Node);
}

}  // namespace trivet
