#include "kv/kv_cache.h"

#include <algorithm>

#include "base/check.h"

namespace trivet {
namespace {

// Nodes without blocks of their own exist only above nodes with some; a few times the pool is
// plenty.
int max_index_nodes(const KvLayout& layout) {
  return 4 * std::min(layout.num_blocks, 1 << 28) + 64;
}

}  // namespace

KvSequence& KvSequence::operator=(KvSequence&& other) noexcept {
  if (this == &other) return *this;
  release();
  cache_ = other.cache_;
  salt_ = std::move(other.salt_);
  tables_ = std::move(other.tables_);
  computed_ = other.computed_;
  indexed_blocks_ = other.indexed_blocks_;
  cursor_ = other.cursor_;
  other.tables_.clear();
  return *this;
}

KvSequence::KvSequence(KvCache& cache, std::string_view salt)
    : cache_(&cache), salt_(salt), tables_(static_cast<size_t>(cache.num_groups())) {}

int KvSequence::attach_prefix(std::span<const TokenId> tokens, int max_positions) {
  TRIVET_CHECK(computed_ == 0 && tables_[0].empty());
  int block_tokens = cache_->layout_.block_tokens;
  KvCache::Hit hit = cache_->find_prefix(tokens, salt_, max_positions / block_tokens);
  if (hit.blocks() == 0) return 0;
  computed_ = hit.blocks() * block_tokens;
  indexed_blocks_ = hit.blocks();
  cursor_ = hit.path.back();
  for (int group = 0; group < cache_->num_groups(); ++group) {
    auto& table = tables_[static_cast<size_t>(group)];
    table.resize(static_cast<size_t>(hit.blocks()));
    for (int block = cache_->first_needed_block(group, computed_); block < hit.blocks(); ++block) {
      BlockId id = cache_->index_.block(hit.path[static_cast<size_t>(block)], group);
      table[static_cast<size_t>(block)] = cache_->pool_.hold(id);
    }
  }
  return computed_;
}

bool KvSequence::grow(int positions) {
  int block_tokens = cache_->layout_.block_tokens;
  int blocks = (positions + block_tokens - 1) / block_tokens;
  int64_t lacking = 0;
  for (const auto& table : tables_) {
    lacking += std::max<int64_t>(0, blocks - static_cast<int64_t>(table.size()));
  }
  if (lacking > cache_->pool_.num_free()) return false;
  // Block by block over the groups: neighbours in the pool are needed together.
  for (int block = 0; lacking > 0; ++block) {
    for (auto& table : tables_) {
      if (static_cast<int>(table.size()) != block || block >= blocks) continue;
      table.push_back(*cache_->pool_.take());
      --lacking;
    }
  }
  return true;
}

void KvSequence::commit(std::span<const TokenId> tokens, int computed) {
  TRIVET_CHECK(computed >= computed_ && static_cast<size_t>(computed) <= tokens.size());
  computed_ = computed;
  if (cache_->enable_prefix_caching_) index_full_blocks(tokens);
  free_behind_windows();
}

void KvSequence::index_full_blocks(std::span<const TokenId> tokens) {
  int full = computed_ / cache_->layout_.block_tokens;
  if (full == indexed_blocks_) return;
  // Another sequence's blocks may have carried the node that we stood on: start over.
  if (indexed_blocks_ > 0 && !cache_->index_.valid(cursor_)) indexed_blocks_ = 0;
  if (indexed_blocks_ == 0) {
    auto root = cache_->index_.add_root(salt_);
    if (!root) return;
    cursor_ = *root;
  }
  while (indexed_blocks_ < full) {
    auto node = index_block(tokens, indexed_blocks_);
    if (!node) break;
    cursor_ = *node;
    ++indexed_blocks_;
  }
  cache_->index_.trim(cursor_);
}

std::optional<PrefixIndex::Cursor> KvSequence::index_block(std::span<const TokenId> tokens,
                                                           int block) {
  auto block_tokens = static_cast<size_t>(cache_->layout_.block_tokens);
  auto node = cache_->index_.add(
      cursor_, tokens.subspan(static_cast<size_t>(block) * block_tokens, block_tokens));
  if (!node) return node;
  for (int group = 0; group < cache_->num_groups(); ++group) {
    BlockId id = tables_[static_cast<size_t>(group)][static_cast<size_t>(block)].id();
    if (id == kNoBlock || cache_->pool_.kept(id)) continue;
    if (cache_->index_.block(*node, group) != kNoBlock) continue;
    cache_->index_.set_block(*node, group, id);
    cache_->pool_.keep(id);
  }
  return node;
}

void KvSequence::free_behind_windows() {
  for (int group = 0; group < static_cast<int>(tables_.size()); ++group) {
    if (cache_->layout_.windows[static_cast<size_t>(group)] == 0) continue;
    auto& table = tables_[static_cast<size_t>(group)];
    int end =
        std::min(cache_->first_needed_block(group, computed_), static_cast<int>(table.size()));
    int begin = end;  // everything before an empty entry is empty
    while (begin > 0 && table[static_cast<size_t>(begin - 1)]) --begin;
    for (int block = begin; block < end; ++block) table[static_cast<size_t>(block)].reset();
  }
}

std::optional<KvSequence> KvSequence::fork(std::vector<BlockCopy>* copies) const {
  KvSequence twin(*cache_, salt_);
  twin.computed_ = computed_;
  twin.indexed_blocks_ = indexed_blocks_;
  twin.cursor_ = cursor_;
  size_t num_copies = copies->size();
  size_t full = static_cast<size_t>(computed_ / cache_->layout_.block_tokens);
  for (size_t group = 0; group < tables_.size(); ++group) {
    auto& table = twin.tables_[group];
    for (size_t block = 0; block < tables_[group].size(); ++block) {
      const BlockRef& mine = tables_[group][block];
      if (block < full) {
        table.push_back(mine.share());
        continue;
      }
      if (int64_t{computed_} <= static_cast<int64_t>(block) * cache_->layout_.block_tokens) break;
      auto fresh = cache_->pool_.take();
      if (!fresh) {
        copies->resize(num_copies);
        return std::nullopt;
      }
      copies->push_back({mine.id(), fresh->id()});
      table.push_back(std::move(*fresh));
    }
  }
  return twin;
}

void KvSequence::release() {
  // From the end, over all groups: the least shareable blocks are evicted first.
  size_t blocks = 0;
  for (const auto& table : tables_) blocks = std::max(blocks, table.size());
  for (size_t block = blocks; block-- > 0;) {
    for (auto& table : tables_) {
      if (block < table.size()) table[block].reset();
    }
  }
  for (auto& table : tables_) table.clear();
  computed_ = 0;
  indexed_blocks_ = 0;
  cursor_ = {};
}

void KvSequence::copy_table(int group, std::span<BlockId> out) const {
  const auto& table = tables_[static_cast<size_t>(group)];
  for (size_t block = 0; block < table.size(); ++block) out[block] = table[block].id();
}

int KvSequence::missing_blocks(int prompt_tokens, int positions, int n) const {
  int needed = blocks_needed(cache_->layout_, std::min(prompt_tokens, positions),
                             positions - std::min(prompt_tokens, positions) + 1, n);
  int held = 0;
  for (const auto& table : tables_) {
    held +=
        static_cast<int>(std::ranges::count_if(table, [](const BlockRef& b) { return bool(b); }));
  }
  return std::max(0, needed - held);
}

PrefixPin& PrefixPin::operator=(PrefixPin&& other) noexcept {
  if (this == &other) return *this;
  reset();
  cache_ = other.cache_;
  blocks_ = std::move(other.blocks_);
  positions_ = other.positions_;
  other.blocks_.clear();
  other.positions_ = 0;
  return *this;
}

void PrefixPin::reset() {
  for (auto [block, generation] : blocks_) cache_->pool_.unpin(block, generation);
  blocks_.clear();
  positions_ = 0;
}

KvCache::KvCache(KvLayout layout, bool enable_prefix_caching)
    : layout_(std::move(layout)),
      enable_prefix_caching_(enable_prefix_caching),
      index_(layout_.block_tokens, static_cast<int>(layout_.windows.size()),
             max_index_nodes(layout_)),
      pool_(layout_.num_blocks) {
  pool_.set_eviction_listener([this](BlockId block) { index_.forget(block); });
}

PrefixPin KvCache::pin(std::span<const TokenId> tokens, std::string_view salt) {
  PrefixPin pin;
  Hit hit = find_prefix(tokens, salt, static_cast<int>(tokens.size()) / layout_.block_tokens);
  pin.cache_ = this;
  pin.positions_ = hit.blocks() * layout_.block_tokens;
  for (int group = 0; group < num_groups(); ++group) {
    for (int block = first_needed_block(group, pin.positions_); block < hit.blocks(); ++block) {
      BlockId id = index_.block(hit.path[static_cast<size_t>(block)], group);
      pin.blocks_.emplace_back(id, pool_.pin(id));
    }
  }
  return pin;
}

KvCache::Hit KvCache::find_prefix(std::span<const TokenId> tokens, std::string_view salt,
                                  int max_blocks) const {
  Hit hit;
  if (!enable_prefix_caching_) return hit;
  auto at = index_.find_root(salt);
  auto block_tokens = static_cast<size_t>(layout_.block_tokens);
  for (int block = 0; at && block < max_blocks; ++block) {
    at = index_.find(*at, tokens.subspan(static_cast<size_t>(block) * block_tokens, block_tokens));
    if (at) hit.path.push_back(*at);
  }
  hit.path.resize(static_cast<size_t>(longest_usable(hit.path)));
  return hit;
}

int KvCache::longest_usable(const std::vector<PrefixIndex::Cursor>& path) const {
  int longest = 0;
  // Per group: the first block of the unbroken run of present blocks that ends here.
  std::vector<int> run_begin(static_cast<size_t>(num_groups()), 0);
  for (int blocks = 1; blocks <= static_cast<int>(path.size()); ++blocks) {
    bool usable = true;
    for (int group = 0; group < num_groups(); ++group) {
      int& begin = run_begin[static_cast<size_t>(group)];
      if (index_.block(path[static_cast<size_t>(blocks - 1)], group) == kNoBlock) begin = blocks;
      usable &= begin <= first_needed_block(group, blocks * layout_.block_tokens);
    }
    if (usable) longest = blocks;
  }
  return longest;
}

int KvCache::first_needed_block(int group, int position) const {
  int window = layout_.windows[static_cast<size_t>(group)];
  if (window == 0) return 0;
  return std::max(0, position - window + 1) / layout_.block_tokens;
}

}  // namespace trivet
