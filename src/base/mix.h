// Numbers that look random, from numbers that do not.
#ifndef TRIVET_BASE_MIX_H_
#define TRIVET_BASE_MIX_H_

#include <cstdint>

namespace trivet {

// splitmix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators"): a bijection
// in which neighbouring inputs give unrelated outputs.
inline uint64_t mix(uint64_t x) {
  x += 0x9e3779b97f4a7c15u;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

}  // namespace trivet

#endif  // TRIVET_BASE_MIX_H_
