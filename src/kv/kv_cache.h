// The key/value memory of one model as the engine uses it: sequences with block tables, and a
// prefix cache.
#ifndef TRIVET_KV_KV_CACHE_H_
#define TRIVET_KV_KV_CACHE_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "kv/block_pool.h"
#include "kv/capacity.h"
#include "kv/prefix_index.h"

namespace trivet {

class KvCache;

struct BlockCopy {
  BlockId from, to;
};

// The blocks of one sequence. Move-only; gives everything back when it dies. The cache must outlive
// it. Positions are written in order and once; only blocks that this sequence alone holds are
// written.
class KvSequence {
 public:
  // Sequences with different salts never share blocks.
  KvSequence(KvCache& cache, std::string_view salt);
  KvSequence(KvSequence&&) = default;
  KvSequence& operator=(KvSequence&& other) noexcept;
  ~KvSequence() { release(); }

  // Only on an empty sequence: takes the longest cached prefix of `tokens`, at most
  // `max_positions`. Returns its length, which is then computed(). A prefix of h positions is a hit
  // when every group has the blocks that the row at position h needs: all of them, or those that
  // overlap the window.
  int attach_prefix(std::span<const TokenId> tokens, int max_positions);

  // Blocks for the positions [0, positions). All or nothing; false when the pool has too few.
  bool grow(int positions);

  // `tokens` up to `computed` have their keys and values now: full blocks become findable, blocks
  // behind the windows are given back.
  void commit(std::span<const TokenId> tokens, int computed);

  // A second sequence with the same contents: full blocks are shared, partly written ones get a
  // block of their own, to be copied by the caller before the next step. None when the pool has too
  // few blocks.
  std::optional<KvSequence> fork(std::vector<BlockCopy>* copies) const;

  // Gives all blocks back; what was findable stays so until evicted, the end of the sequence first.
  void release();

  int computed() const { return computed_; }
  int num_blocks(int group) const {
    return static_cast<int>(tables_[static_cast<size_t>(group)].size());
  }
  // Fills [num_blocks(group)]; kNoBlock behind a window.
  void copy_table(int group, std::span<BlockId> out) const;
  // Blocks that it lacks to reach `positions` and then split into `n` sequences of that length.
  int missing_blocks(int prompt_tokens, int positions, int n) const;

 private:
  void index_full_blocks(std::span<const TokenId> tokens);
  std::optional<PrefixIndex::Cursor> index_block(std::span<const TokenId> tokens, int block);
  void free_behind_windows();

  KvCache* cache_;
  std::string salt_;
  std::vector<std::vector<BlockRef>> tables_;  // [group][block]
  int computed_ = 0;
  int indexed_blocks_ = 0;  // whose node is on the path to cursor_
  PrefixIndex::Cursor cursor_;
};

// Keeps a prefix in the cache for longer: its blocks are evicted after all others.
class PrefixPin {
 public:
  PrefixPin() = default;
  PrefixPin(PrefixPin&& other) noexcept { *this = std::move(other); }
  PrefixPin& operator=(PrefixPin&& other) noexcept;
  ~PrefixPin() { reset(); }
  void reset();
  int positions() const { return positions_; }

 private:
  friend class KvCache;
  KvCache* cache_ = nullptr;
  std::vector<std::pair<BlockId, uint64_t>> blocks_;
  int positions_ = 0;
};

// One thread. Sequences and pins must not outlive it.
class KvCache {
 public:
  KvCache(KvLayout layout, bool enable_prefix_caching);
  KvCache(const KvCache&) = delete;
  KvCache& operator=(const KvCache&) = delete;

  // Pins what is cached of the prefix now.
  PrefixPin pin(std::span<const TokenId> tokens, std::string_view salt);

  // Nothing cached is found any more. Sequences keep what they hold.
  void forget_prefixes() { pool_.forget_kept(); }

  const KvLayout& layout() const { return layout_; }
  int num_groups() const { return static_cast<int>(layout_.windows.size()); }
  int num_free_blocks() const { return pool_.num_free(); }
  const BlockPool& pool() const { return pool_; }

 private:
  friend class KvSequence;
  friend class PrefixPin;

  struct Hit {
    std::vector<PrefixIndex::Cursor> path;  // [blocks of the hit]
    int blocks() const { return static_cast<int>(path.size()); }
  };
  Hit find_prefix(std::span<const TokenId> tokens, std::string_view salt, int max_blocks) const;
  int longest_usable(const std::vector<PrefixIndex::Cursor>& path) const;
  // First block that the row at `position` still needs.
  int first_needed_block(int group, int position) const;

  const KvLayout layout_;
  const bool enable_prefix_caching_;
  PrefixIndex index_;
  BlockPool pool_;
};

}  // namespace trivet

#endif  // TRIVET_KV_KV_CACHE_H_
