// Which token prefixes have their keys and values in the pool.
#ifndef TRIVET_KV_PREFIX_INDEX_H_
#define TRIVET_KV_PREFIX_INDEX_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/ids.h"

namespace trivet {

// A tree of full blocks of tokens. A node stands for one exact path of tokens from the start of a
// text under one salt; it names, per group, the block that holds the keys and values of its tokens,
// as long as there is one. Nodes are found by a 64-bit keyed hash over (parent, tokens), and each
// step compares the parent and the tokens themselves, so a collision costs a miss and never a wrong
// answer. A node lives while it names a block or has children. One thread.
class PrefixIndex {
 public:
  // A place in the tree. Goes stale when its node dies; every member takes a stale one for
  // "nowhere".
  struct Cursor {
    int32_t node = -1;
    uint64_t serial = 0;
  };
  using Hash = uint64_t (*)(uint64_t key, uint64_t parent, const void* data, size_t bytes);

  // `max_nodes` bounds the memory: beyond it nothing is added. `hash` is for tests.
  PrefixIndex(int block_tokens, int num_groups, int max_nodes, Hash hash = nullptr);

  // The start of the texts under `salt`.
  std::optional<Cursor> find_root(std::string_view salt) const;
  std::optional<Cursor> find(Cursor parent, std::span<const TokenId> tokens) const;
  // The same, made where missing; none when the index is full, the hash collides or `parent` is
  // stale.
  std::optional<Cursor> add_root(std::string_view salt);
  std::optional<Cursor> add(Cursor parent, std::span<const TokenId> tokens);

  bool valid(Cursor at) const;
  BlockId block(Cursor at, int group) const;
  // The block must not be named yet, the group of the node must be empty.
  void set_block(Cursor at, int group, BlockId block);
  // The contents of the block are gone.
  void forget(BlockId block);
  // Removes the node if nothing needs it (after add() without set_block()).
  void trim(Cursor at);

  int num_nodes() const { return num_nodes_; }

 private:
  struct Node {
    int32_t parent = -1;
    int32_t uses = 0;     // children, and blocks named
    uint64_t serial = 0;  // 0 = dead
    uint64_t hash = 0;
    std::string salt;  // of a root
  };

  std::span<const TokenId> tokens_of(int32_t node) const;
  BlockId& block_of(int32_t node, int group);
  std::optional<int32_t> lookup(uint64_t hash, int32_t parent, std::span<const TokenId> tokens,
                                std::string_view salt) const;
  std::optional<Cursor> insert(uint64_t hash, int32_t parent, std::span<const TokenId> tokens,
                               std::string_view salt);
  void drop_use(int32_t node);

  const int block_tokens_;
  const int num_groups_;
  const int max_nodes_;
  const Hash hash_;
  const uint64_t key_;
  uint64_t next_serial_ = 1;
  int num_nodes_ = 0;
  std::vector<Node> nodes_;
  std::vector<int32_t> dead_;    // free entries of nodes_
  std::vector<TokenId> tokens_;  // [node][block_tokens]
  std::vector<BlockId> blocks_;  // [node][group]
  std::unordered_map<uint64_t, int32_t> by_hash_;
  std::unordered_map<BlockId, std::pair<int32_t, int>> named_by_;  // block -> node, group
};

}  // namespace trivet

#endif  // TRIVET_KV_PREFIX_INDEX_H_
