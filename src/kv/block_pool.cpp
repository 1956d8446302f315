#include "kv/block_pool.h"

#include "base/check.h"

namespace trivet {

BlockRef& BlockRef::operator=(BlockRef&& other) noexcept {
  if (this != &other) {
    reset();
    pool_ = other.pool_;
    id_ = other.id_;
    other.pool_ = nullptr;
    other.id_ = kNoBlock;
  }
  return *this;
}

BlockRef BlockRef::share() const { return pool_ == nullptr ? BlockRef() : pool_->hold(id_); }

void BlockRef::reset() {
  if (pool_ == nullptr) return;
  BlockPool* pool = pool_;
  pool_ = nullptr;
  pool->release(id_);
  id_ = kNoBlock;
}

BlockPool::BlockPool(int num_blocks) : num_free_(num_blocks) {
  TRIVET_CHECK(num_blocks >= 0);
  slots_.resize(static_cast<size_t>(num_blocks) + kLists);
  for (int list = 0; list < kLists; ++list) {
    int32_t at = head(static_cast<List>(list));
    slots_[index(at)].previous = slots_[index(at)].next = at;
  }
  for (BlockId id = 0; id < num_blocks; ++id) append(kBlank, id);
}

std::optional<BlockRef> BlockPool::take() {
  for (int list = 0; list < kLists; ++list) {
    int32_t at = head(static_cast<List>(list));
    BlockId id = slots_[index(at)].next;
    if (id == at) continue;
    unlink(id);
    Slot& slot = slots_[index(id)];
    if (slot.kept) {
      slot.kept = false;
      slot.pins = 0;
      if (on_evict_) on_evict_(id);
    }
    slot.shares = 1;
    ++slot.generation;
    --num_free_;
    return BlockRef(this, id);
  }
  return std::nullopt;
}

BlockRef BlockPool::hold(BlockId id) {
  TRIVET_CHECK(contains(id));
  Slot& slot = slots_[index(id)];
  if (slot.shares == 0) {
    TRIVET_CHECK(slot.kept);
    unlink(id);
    --num_free_;
  }
  ++slot.shares;
  return BlockRef(this, id);
}

void BlockPool::release(BlockId id) {
  Slot& slot = slots_[index(id)];
  TRIVET_CHECK(slot.shares > 0);
  if (--slot.shares > 0) return;
  ++num_free_;
  file(id);
}

void BlockPool::keep(BlockId id) {
  TRIVET_CHECK(contains(id) && slots_[index(id)].shares > 0);
  slots_[index(id)].kept = true;
}

void BlockPool::forget_kept() {
  for (BlockId id = 0; id < size(); ++id) {
    Slot& slot = slots_[index(id)];
    if (!slot.kept) continue;
    slot.kept = false;
    slot.pins = 0;
    ++slot.generation;
    if (slot.shares == 0) {
      unlink(id);
      file(id);
    }
    if (on_evict_) on_evict_(id);
  }
}

uint64_t BlockPool::pin(BlockId id) {
  TRIVET_CHECK(contains(id) && slots_[index(id)].kept);
  Slot& slot = slots_[index(id)];
  if (slot.pins++ == 0 && slot.shares == 0) {
    unlink(id);
    file(id);
  }
  return slot.generation;
}

void BlockPool::unpin(BlockId id, uint64_t generation) {
  TRIVET_CHECK(contains(id));
  Slot& slot = slots_[index(id)];
  if (slot.generation != generation) return;
  TRIVET_CHECK(slot.pins > 0);
  if (--slot.pins == 0 && slot.shares == 0) {
    unlink(id);
    file(id);
  }
}

void BlockPool::unlink(int32_t at) {
  Slot& slot = slots_[index(at)];
  TRIVET_CHECK(slot.next >= 0);
  slots_[index(slot.previous)].next = slot.next;
  slots_[index(slot.next)].previous = slot.previous;
  slot.previous = slot.next = -1;
}

void BlockPool::append(List list, int32_t at) {
  int32_t end = head(list);
  Slot& slot = slots_[index(at)];
  TRIVET_CHECK(slot.next < 0);
  slot.previous = slots_[index(end)].previous;
  slot.next = end;
  slots_[index(slot.previous)].next = at;
  slots_[index(end)].previous = at;
}

void BlockPool::file(BlockId id) { append(list_of(slots_[index(id)]), id); }

BlockPool::List BlockPool::list_of(const Slot& slot) const {
  if (!slot.kept) return kBlank;
  return slot.pins > 0 ? kPinned : kKept;
}

}  // namespace trivet
