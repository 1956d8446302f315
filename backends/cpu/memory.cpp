#include <sys/mman.h>

#include <cstdint>

#include "device.h"

namespace trivet::cpu {
namespace {

constexpr uint64_t kHugePage = uint64_t{2} << 20;
constexpr uint64_t kPage = 4096;

uint64_t rounded(uint64_t bytes) {
  const uint64_t unit = bytes >= kHugePage ? kHugePage : kPage;
  return (bytes + unit - 1) / unit * unit;
}

}  // namespace

void* allocate_memory(uint64_t bytes) {
  if (bytes == 0 || bytes > (uint64_t{1} << 46)) return nullptr;
  const uint64_t size = rounded(bytes);
  const uint64_t slack = size >= kHugePage ? kHugePage : 0;
  void* mapped = mmap(nullptr, size + slack, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapped == MAP_FAILED) return nullptr;
  const uintptr_t begin = reinterpret_cast<uintptr_t>(mapped);
  const uintptr_t aligned = slack ? (begin + kHugePage - 1) / kHugePage * kHugePage : begin;
  if (aligned > begin) munmap(mapped, aligned - begin);
  const uintptr_t end = begin + size + slack;
  if (end > aligned + size) munmap(reinterpret_cast<void*>(aligned + size), end - aligned - size);
  void* memory = reinterpret_cast<void*>(aligned);
  if (slack) madvise(memory, size, MADV_HUGEPAGE);
  return memory;
}

void free_memory(void* memory, uint64_t bytes) {
  if (memory && bytes > 0) munmap(memory, rounded(bytes));
}

}  // namespace trivet::cpu
