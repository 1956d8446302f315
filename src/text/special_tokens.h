// Finds special tokens inside a text, so that "<|im_end|>" becomes one token.
#ifndef TRIVET_TEXT_SPECIAL_TOKENS_H_
#define TRIVET_TEXT_SPECIAL_TOKENS_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"

namespace trivet {

// A piece of a text: a token that was found (token >= 0, text empty) or text between tokens.
struct TextFragment {
  std::string_view text;
  TokenId token = -1;
};

// Longer tokens win wherever they stand, then lower ids, then what comes first in the text: the
// order in which llama.cpp cuts them out. Immutable after the last add().
class SpecialTokens {
 public:
  static constexpr size_t kMaxNameBytes = 1024;

  // `plain`: also found in text that must not hold control tokens (user-defined tokens are). Names
  // that are empty or too long are never found. `strips_right`: white space after it is left out.
  void add(std::string_view name, TokenId id, bool plain, bool strips_right = false);

  // The text in order, nothing else left out. With `only_plain`, control tokens stay text. Views
  // into `text`.
  std::vector<TextFragment> split(std::string_view text, bool only_plain) const;

  size_t memory_bytes() const;

 private:
  struct Entry {
    TokenId id;
    uint32_t size;
    bool plain, strips_right;
  };
  struct Match {
    size_t at;
    Entry entry;
  };
  // A node of a trie over the names' bytes. Children are a linked list: there are few.
  struct Node {
    uint32_t first_child = 0, next_sibling = 0;  // 0 = none
    int32_t entry = -1;
    unsigned char byte = 0;
  };

  uint32_t child(uint32_t node, unsigned char byte) const;
  void collect(std::string_view text, size_t at, bool only_plain,
               std::vector<Match>& matches) const;
  std::vector<Match> find(std::string_view text, bool only_plain) const;

  std::vector<Entry> entries_;
  std::vector<Node> nodes_ = {Node{}};
  uint32_t roots_[256] = {};  // children of the root, by byte
};

}  // namespace trivet

#endif  // TRIVET_TEXT_SPECIAL_TOKENS_H_
