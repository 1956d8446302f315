#include "cpu_features.h"

#include <cpuid.h>

#include <cstring>

namespace trivet::cpu {
namespace {

struct Registers {
  unsigned a = 0, b = 0, c = 0, d = 0;
};

Registers cpuid(unsigned leaf, unsigned subleaf) {
  Registers r;
  if (!__get_cpuid_count(leaf, subleaf, &r.a, &r.b, &r.c, &r.d)) return {};
  return r;
}

bool bit(unsigned value, int index) { return (value >> index & 1) != 0; }

// Register state that the operating system saves: bits 1-2 SSE and AVX, 5-7 AVX-512.
unsigned saved_state() {
  if (!bit(cpuid(1, 0).c, 27)) return 0;
  unsigned low = 0, high = 0;
  asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return low;
}

std::vector<const KernelTable*> detect() {
  std::vector<const KernelTable*> levels = {&baseline_kernels()};
  const unsigned saved = saved_state();
  const Registers base = cpuid(1, 0), extended = cpuid(7, 0), more = cpuid(7, 1);
  const bool avx2 = (saved & 0x6) == 0x6 && bit(base.c, 28) && bit(base.c, 12) && bit(base.c, 29) &&
                    bit(extended.b, 5);
  if (!avx2) return levels;
  levels.push_back(&avx2_kernels());
  const bool avx512 = (saved & 0xE6) == 0xE6 && bit(extended.b, 16) && bit(extended.b, 17) &&
                      bit(extended.b, 30) && bit(extended.b, 31);
  if (!avx512 || !bit(extended.c, 11)) return levels;
  levels.push_back(&avx512_vnni_kernels());
  if (bit(more.a, 5)) levels.push_back(&avx512_bf16_kernels());
  return levels;
}

}  // namespace

const std::vector<const KernelTable*>& available_levels() {
  static const std::vector<const KernelTable*> levels = detect();
  return levels;
}

std::string available_level_names() {
  std::string names;
  for (const KernelTable* level : available_levels()) {
    if (!names.empty()) names += ",";
    names += level->name;
  }
  return names;
}

const KernelTable* find_level(const char* name) {
  if (!name || !*name) return available_levels().back();
  for (const KernelTable* level : available_levels()) {
    if (std::strcmp(level->name, name) == 0) return level;
  }
  return nullptr;
}

}  // namespace trivet::cpu
