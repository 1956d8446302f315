// Source rows (GGUF blocks or floats) to packed super-panels.
#ifndef TRIVET_BACKENDS_CPU_PACK_H_
#define TRIVET_BACKENDS_CPU_PACK_H_

#include <cstdint>
#include <optional>

#include "packed_format.h"

namespace trivet::cpu {

// The packed format of a trivet_dtype; none for types that are not weights.
std::optional<PackedFormat> packed_format_of(uint32_t dtype);

// Columns and bytes of a source block.
struct SourceBlock {
  int columns;
  int bytes;
};
SourceBlock source_block_of(PackedFormat format);

int64_t units_of(PackedFormat format, int64_t columns);
int64_t super_panels_of(int64_t rows);

// Packs rows [32 p, min(32 p + 32, rows)) of `source` to `out`, units_of() * unit_bytes bytes. The
// integers stay as they are, bit for bit.
void pack_super_panel(PackedFormat format, const uint8_t* source, int64_t rows, int64_t columns,
                      int64_t super_panel, uint8_t* out);

}  // namespace trivet::cpu

#endif  // TRIVET_BACKENDS_CPU_PACK_H_
