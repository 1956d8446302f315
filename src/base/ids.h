// Small integer identities that must not be mixed up.
#ifndef TRIVET_BASE_IDS_H_
#define TRIVET_BASE_IDS_H_

#include <cstdint>

namespace trivet {

// Index into the vocabulary. Plain, since token arrays cross the C ABI.
using TokenId = int32_t;

// Index of a block of the key/value cache; -1 = none. Plain for the same reason.
using BlockId = int32_t;
inline constexpr BlockId kNoBlock = -1;

}  // namespace trivet

#endif  // TRIVET_BASE_IDS_H_
