// The pages of the key/value memory: who holds them, and which unheld one is taken next.
#ifndef TRIVET_KV_BLOCK_POOL_H_
#define TRIVET_KV_BLOCK_POOL_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "base/ids.h"

namespace trivet {

class BlockPool;

// One share in a block. The block stays while any share lives. Move-only: share() is the way to
// another.
class BlockRef {
 public:
  BlockRef() = default;
  BlockRef(BlockRef&& other) noexcept : pool_(other.pool_), id_(other.id_) {
    other.pool_ = nullptr;
    other.id_ = kNoBlock;
  }
  BlockRef& operator=(BlockRef&& other) noexcept;
  ~BlockRef() { reset(); }

  BlockId id() const { return id_; }  // kNoBlock = none
  explicit operator bool() const { return pool_ != nullptr; }
  BlockRef share() const;
  void reset();

 private:
  friend class BlockPool;
  BlockRef(BlockPool* pool, BlockId id) : pool_(pool), id_(id) {}

  BlockPool* pool_ = nullptr;
  BlockId id_ = kNoBlock;
};

// A fixed number of blocks. A block without a share is free; its contents may still be of use
// ("kept"), in which case it is taken only after all others, least recently released first, pinned
// ones last. One thread. Must outlive its shares.
class BlockPool {
 public:
  explicit BlockPool(int num_blocks);
  BlockPool(const BlockPool&) = delete;
  BlockPool& operator=(const BlockPool&) = delete;

  // Called when a kept block is about to be overwritten: it is no longer kept.
  void set_eviction_listener(std::function<void(BlockId)> listener) {
    on_evict_ = std::move(listener);
  }

  // A block whose contents are anything; none when every block is held.
  std::optional<BlockRef> take();
  // Another share in a block, held or kept.
  BlockRef hold(BlockId id);

  // The contents of a held block are worth keeping once nobody holds it.
  void keep(BlockId id);
  bool kept(BlockId id) const { return slots_[index(id)].kept; }
  // No block's contents are worth keeping any more: all kept ones are evicted. Held ones stay held.
  void forget_kept();
  // A pinned kept block is evicted only when nothing else is left: a pin never takes away capacity.
  // unpin() takes what pin() gave; it does nothing when the contents are gone.
  uint64_t pin(BlockId id);
  void unpin(BlockId id, uint64_t generation);

  int size() const { return static_cast<int>(slots_.size()) - kLists; }
  int num_free() const { return num_free_; }
  int num_shares(BlockId id) const { return slots_[index(id)].shares; }

 private:
  friend class BlockRef;
  // Free blocks are in one of three circular lists, whose heads are the last slots.
  enum List { kBlank, kKept, kPinned, kLists };
  struct Slot {
    int32_t previous = -1, next = -1;  // -1 = in no list
    int32_t shares = 0;
    int32_t pins = 0;
    uint64_t generation = 0;  // of the contents
    bool kept = false;
  };

  static size_t index(BlockId id) { return static_cast<size_t>(id); }
  int32_t head(List list) const { return static_cast<int32_t>(slots_.size()) - kLists + list; }
  bool contains(BlockId id) const { return id >= 0 && id < size(); }
  void release(BlockId id);
  void unlink(int32_t slot);
  void append(List list, int32_t slot);
  void file(BlockId id);  // into the list where a free block belongs
  List list_of(const Slot& slot) const;

  std::vector<Slot> slots_;  // [blocks + lists]
  int num_free_;
  std::function<void(BlockId)> on_evict_;
};

}  // namespace trivet

#endif  // TRIVET_KV_BLOCK_POOL_H_
