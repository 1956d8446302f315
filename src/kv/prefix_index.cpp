#include "kv/prefix_index.h"

#include <algorithm>
#include <cstring>
#include <random>

#include "base/check.h"

namespace trivet {
namespace {

__extension__ using Uint128 = unsigned __int128;

// Multiply-and-fold: the 128-bit product of two keyed words, halves xored.
uint64_t fold(uint64_t a, uint64_t b) {
  Uint128 product = static_cast<Uint128>(a) * b;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

constexpr uint64_t kMixA = 0x9e3779b97f4a7c15u;  // odd constants with balanced bits
constexpr uint64_t kMixB = 0xd6e8feb86659fd93u;

uint64_t keyed_hash(uint64_t key, uint64_t parent, const void* data, size_t bytes) {
  uint64_t state = fold(key ^ kMixA, parent ^ kMixB);
  const char* at = static_cast<const char*>(data);
  for (size_t done = 0; done < bytes; done += 8) {
    uint64_t word = 0;
    std::memcpy(&word, at + done, std::min<size_t>(8, bytes - done));
    state = fold(state ^ word ^ kMixA, key ^ kMixB) + word;
  }
  return fold(state ^ bytes, key ^ kMixA);
}

// A secret: nobody outside can make prompts collide.
uint64_t random_key() {
  std::random_device device;
  return (uint64_t{device()} << 32) ^ device();
}

}  // namespace

PrefixIndex::PrefixIndex(int block_tokens, int num_groups, int max_nodes, Hash hash)
    : block_tokens_(block_tokens),
      num_groups_(num_groups),
      max_nodes_(max_nodes),
      hash_(hash != nullptr ? hash : &keyed_hash),
      key_(random_key()) {
  TRIVET_CHECK(block_tokens > 0 && num_groups > 0);
}

std::optional<PrefixIndex::Cursor> PrefixIndex::find_root(std::string_view salt) const {
  auto node = lookup(hash_(key_, 0, salt.data(), salt.size()), -1, {}, salt);
  if (!node) return std::nullopt;
  return Cursor{*node, nodes_[static_cast<size_t>(*node)].serial};
}

std::optional<PrefixIndex::Cursor> PrefixIndex::find(Cursor parent,
                                                     std::span<const TokenId> tokens) const {
  if (!valid(parent)) return std::nullopt;
  uint64_t hash = hash_(key_, parent.serial, tokens.data(), tokens.size_bytes());
  auto node = lookup(hash, parent.node, tokens, {});
  if (!node) return std::nullopt;
  return Cursor{*node, nodes_[static_cast<size_t>(*node)].serial};
}

std::optional<PrefixIndex::Cursor> PrefixIndex::add_root(std::string_view salt) {
  if (auto found = find_root(salt)) return found;
  return insert(hash_(key_, 0, salt.data(), salt.size()), -1, {}, salt);
}

std::optional<PrefixIndex::Cursor> PrefixIndex::add(Cursor parent,
                                                    std::span<const TokenId> tokens) {
  TRIVET_CHECK(static_cast<int>(tokens.size()) == block_tokens_);
  if (!valid(parent)) return std::nullopt;
  if (auto found = find(parent, tokens)) return found;
  uint64_t hash = hash_(key_, parent.serial, tokens.data(), tokens.size_bytes());
  auto made = insert(hash, parent.node, tokens, {});
  if (made) ++nodes_[static_cast<size_t>(parent.node)].uses;
  return made;
}

bool PrefixIndex::valid(Cursor at) const {
  return at.node >= 0 && static_cast<size_t>(at.node) < nodes_.size() && at.serial != 0 &&
         nodes_[static_cast<size_t>(at.node)].serial == at.serial;
}

BlockId PrefixIndex::block(Cursor at, int group) const {
  if (!valid(at)) return kNoBlock;
  return blocks_[static_cast<size_t>(at.node) * static_cast<size_t>(num_groups_) +
                 static_cast<size_t>(group)];
}

void PrefixIndex::set_block(Cursor at, int group, BlockId block) {
  TRIVET_CHECK(valid(at) && block_of(at.node, group) == kNoBlock);
  TRIVET_CHECK(named_by_.emplace(block, std::make_pair(at.node, group)).second);
  block_of(at.node, group) = block;
  ++nodes_[static_cast<size_t>(at.node)].uses;
}

void PrefixIndex::forget(BlockId block) {
  auto found = named_by_.find(block);
  if (found == named_by_.end()) return;
  auto [node, group] = found->second;
  named_by_.erase(found);
  block_of(node, group) = kNoBlock;
  drop_use(node);
}

void PrefixIndex::trim(Cursor at) {
  if (!valid(at)) return;
  Node& node = nodes_[static_cast<size_t>(at.node)];
  if (node.uses > 0) return;
  ++node.uses;
  drop_use(at.node);
}

std::span<const TokenId> PrefixIndex::tokens_of(int32_t node) const {
  return std::span(tokens_).subspan(static_cast<size_t>(node) * static_cast<size_t>(block_tokens_),
                                    static_cast<size_t>(block_tokens_));
}

BlockId& PrefixIndex::block_of(int32_t node, int group) {
  return blocks_[static_cast<size_t>(node) * static_cast<size_t>(num_groups_) +
                 static_cast<size_t>(group)];
}

std::optional<int32_t> PrefixIndex::lookup(uint64_t hash, int32_t parent,
                                           std::span<const TokenId> tokens,
                                           std::string_view salt) const {
  auto found = by_hash_.find(hash);
  if (found == by_hash_.end()) return std::nullopt;
  const Node& node = nodes_[static_cast<size_t>(found->second)];
  if (node.parent != parent) return std::nullopt;
  bool same = parent < 0 ? node.salt == salt : std::ranges::equal(tokens_of(found->second), tokens);
  if (!same) return std::nullopt;
  return found->second;
}

std::optional<PrefixIndex::Cursor> PrefixIndex::insert(uint64_t hash, int32_t parent,
                                                       std::span<const TokenId> tokens,
                                                       std::string_view salt) {
  if (num_nodes_ >= max_nodes_ || by_hash_.contains(hash)) return std::nullopt;
  int32_t at;
  if (!dead_.empty()) {
    at = dead_.back();
    dead_.pop_back();
  } else {
    at = static_cast<int32_t>(nodes_.size());
    nodes_.emplace_back();
    tokens_.resize(tokens_.size() + static_cast<size_t>(block_tokens_));
    blocks_.resize(blocks_.size() + static_cast<size_t>(num_groups_), kNoBlock);
  }
  Node& node = nodes_[static_cast<size_t>(at)];
  node.parent = parent;
  node.uses = 0;
  node.serial = next_serial_++;
  node.hash = hash;
  node.salt = salt;
  std::ranges::copy(tokens, tokens_.begin() + ptrdiff_t{at} * block_tokens_);
  by_hash_.emplace(hash, at);
  ++num_nodes_;
  return Cursor{at, node.serial};
}

void PrefixIndex::drop_use(int32_t at) {
  while (at >= 0) {
    Node& node = nodes_[static_cast<size_t>(at)];
    if (--node.uses > 0) return;
    by_hash_.erase(node.hash);
    node.serial = 0;
    node.salt.clear();
    dead_.push_back(at);
    --num_nodes_;
    at = node.parent;
  }
}

}  // namespace trivet
